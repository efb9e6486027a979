//! One expression: CEL without loops.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, ExecutionError, Program, Value, objects::Key};

/// The longest expression, in bytes.
pub const LONGEST_EXPRESSION: usize = 2_000;
/// The longest text an expression may make.
pub const LONGEST_RESULT: usize = 4_096;
/// Brackets, signs and questions: each may nest what follows.
const DEEPEST: usize = 40;

/// What an expression sees as `entry`: the source's attributes by name. An attribute is text, or a list of texts where the
/// source has several.
pub type Input = BTreeMap<String, Vec<String>>;

/// What an expression makes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Text(String),
    /// A list: for attributes with several values.
    Several(Vec<String>),
    /// `null`: the person has no such attribute.
    Nothing,
}

/// Why an expression cannot be used, or cannot be used with this entry. Texts of faults at evaluation hold no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFault {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {LONGEST_EXPRESSION} bytes")]
    TooLong,
    #[error("it is nested too deeply: split it into several attributes")]
    TooDeep,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("there is no function or name {0}")]
    UnknownName(String),
    #[error("the entry has no {0}: use entry.?{0}.orValue(\"…\"), or \"{0}\" in entry ? … : null")]
    NoSuchAttribute(String),
    #[error("it makes {0}, and text, a number, yes or no, or null are wanted")]
    WrongResult(&'static str),
    #[error("it makes more than {LONGEST_RESULT} bytes")]
    ResultTooLong,
    #[error("it cannot be computed for this entry: {0}")]
    Failed(&'static str),
}

/// A mapping expression, read once.
pub struct Expression {
    text: String,
    program: Program,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

/// The standard functions and none of the macros: `map`, `filter`, `all` and `exists` are loops. What the standard library
/// calls `matches` is left out by the features of the crate.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::default().with_stdlib()));

thread_local! {
    /// What this thread has read: reading costs far more than computing.
    static READ: RefCell<HashMap<String, Rc<Expression>>> = RefCell::default();
}
/// More are forgotten all at once: installations have tens.
const REMEMBERED: usize = 500;

impl Expression {
    /// What the expression with this text makes of the entry.
    pub fn evaluate_text(text: &str, entry: &Input) -> Result<Outcome, ExpressionFault> {
        let known = READ.with_borrow(|read| read.get(text).cloned());
        let expression = match known {
            Some(expression) => expression,
            None => {
                let expression = Rc::new(Self::compile(text)?);
                READ.with_borrow_mut(|read| {
                    if read.len() >= REMEMBERED {
                        read.clear();
                    }
                    read.insert(text.to_owned(), Rc::clone(&expression));
                });
                expression
            }
        };
        expression.evaluate(entry)
    }

    /// Reads an expression and refuses what could cost too much, before it is read.
    pub fn compile(text: &str) -> Result<Self, ExpressionFault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ExpressionFault::Empty);
        }
        if text.len() > LONGEST_EXPRESSION {
            return Err(ExpressionFault::TooLong);
        }
        if text.chars().filter(|c| matches!(c, '(' | '[' | '{' | '?' | '!' | '-' | '.')).count() > DEEPEST {
            return Err(ExpressionFault::TooDeep);
        }
        let program =
            LANGUAGE.compile(text).map_err(|error| ExpressionFault::Unreadable(misread(&error.to_string())))?;
        let known = |name: &str| {
            OURS.contains(&name) || STANDARD.contains(&name) || !name.starts_with(|c: char| c.is_alphabetic())
        };
        let references = program.references();
        if let Some(name) = references.variables().into_iter().find(|name| *name != "entry") {
            return Err(ExpressionFault::UnknownName(name.to_owned()));
        }
        if let Some(name) = references.functions().into_iter().find(|name| !known(name)) {
            return Err(ExpressionFault::UnknownName(name.to_owned()));
        }
        Ok(Self { text: text.to_owned(), program })
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it makes of this entry.
    pub fn evaluate(&self, entry: &Input) -> Result<Outcome, ExpressionFault> {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.add_variable_from_value("entry", value_of(entry));
        add_functions(&mut context)?;
        let value = self.program.execute(&context).map_err(|error| fault(&error))?;
        outcome(value)
    }
}

/// Ours, in the words of a mapping.
const OURS: [&str; 6] = ["lower", "upper", "trim", "before", "after", "first"];
/// Of the standard library, what cannot multiply text.
const STANDARD: [&str; 12] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "bool",
    "orValue",
    "or",
    "hasValue",
    "value",
    "double",
];

fn add_functions(context: &mut Context<'_, '_>) -> Result<(), ExpressionFault> {
    type Text = Arc<String>;
    let ours = |_| ExpressionFault::Failed("a function has the name of a standard one");
    context
        .add_function("lower", |cel::extractors::This(text): cel::extractors::This<Text>| text.to_lowercase())
        .map_err(ours)?;
    context
        .add_function("upper", |cel::extractors::This(text): cel::extractors::This<Text>| text.to_uppercase())
        .map_err(ours)?;
    context
        .add_function("trim", |cel::extractors::This(text): cel::extractors::This<Text>| text.trim().to_owned())
        .map_err(ours)?;
    context
        .add_function("before", |cel::extractors::This(text): cel::extractors::This<Text>, mark: Text| {
            text.split_once(mark.as_str()).map_or_else(|| text.to_string(), |(before, _)| before.to_owned())
        })
        .map_err(ours)?;
    context
        .add_function("after", |cel::extractors::This(text): cel::extractors::This<Text>, mark: Text| {
            text.split_once(mark.as_str()).map_or_else(String::new, |(_, after)| after.to_owned())
        })
        .map_err(ours)?;
    context
        .add_function("first", |cel::extractors::This(value): cel::extractors::This<Value>| match value {
            Value::List(list) => list.first().cloned().unwrap_or(Value::Null),
            other => other,
        })
        .map_err(ours)
}

fn value_of(entry: &Input) -> Value {
    let text = |text: &String| Value::String(Arc::new(text.clone()));
    let attribute = |values: &Vec<String>| match values.as_slice() {
        [one] => text(one),
        several => Value::List(Arc::new(several.iter().map(text).collect())),
    };
    let map: HashMap<Key, Value> =
        entry.iter().map(|(name, values)| (Key::String(Arc::new(name.clone())), attribute(values))).collect();
    Value::Map(cel::objects::Map { map: Arc::new(map) })
}

fn outcome(value: Value) -> Result<Outcome, ExpressionFault> {
    if let Value::List(list) = &value {
        if list.is_empty() {
            return Ok(Outcome::Nothing);
        }
        let texts: Vec<String> =
            list.iter().map(|one| text_of(one).map(Option::unwrap_or_default)).collect::<Result<_, _>>()?;
        let length: usize = texts.iter().map(String::len).sum();
        return if length > LONGEST_RESULT { Err(ExpressionFault::ResultTooLong) } else { Ok(Outcome::Several(texts)) };
    }
    let Some(text) = text_of(&value)? else { return Ok(Outcome::Nothing) };
    // Optional values that are empty, and empty text, are the absence of the attribute: never a stored blank.
    if text.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if text.len() > LONGEST_RESULT { Err(ExpressionFault::ResultTooLong) } else { Ok(Outcome::Text(text)) }
}

fn text_of(value: &Value) -> Result<Option<String>, ExpressionFault> {
    Ok(match value {
        Value::String(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null => None,
        Value::List(_) => return Err(ExpressionFault::WrongResult("a list within a list")),
        Value::Map(_) => return Err(ExpressionFault::WrongResult("a map")),
        Value::Float(_) => return Err(ExpressionFault::WrongResult("a number with a fraction")),
        _ => return Err(ExpressionFault::WrongResult("something else")),
    })
}

/// In words, without any value: a fault is shown to whoever edits mappings, and logged.
fn fault(error: &ExecutionError) -> ExpressionFault {
    match error {
        ExecutionError::NoSuchKey(name) => ExpressionFault::NoSuchAttribute(name.to_string()),
        ExecutionError::UndeclaredReference(name) => ExpressionFault::UnknownName(name.to_string()),
        ExecutionError::IndexOutOfBounds(_) => ExpressionFault::Failed("the list is not that long"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            ExpressionFault::Failed("it divides by nought")
        }
        ExecutionError::Overflow(..) => ExpressionFault::Failed("the number is too large"),
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::NotSupportedAsMethod { .. }
        | ExecutionError::ValuesNotComparable(..) => {
            ExpressionFault::Failed("a function or sign does not take values of this kind")
        }
        ExecutionError::FunctionError { .. } => ExpressionFault::Failed("a value cannot be converted"),
        _ => ExpressionFault::Failed("a value does not fit"),
    }
}

/// Where the parser stopped, instead of the tokens it would have liked: `ERROR: <input>:1:13: Syntax error: mismatched …`.
fn misread(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    if first.contains("'<EOF>'") {
        return "it ends before it is complete".to_owned();
    }
    let mut place = first.split("<input>:").nth(1).unwrap_or_default().split(':');
    match (place.next(), place.next()) {
        (Some("1"), Some(character)) => format!("character {character} does not belong there"),
        (Some(line), Some(character)) => format!("character {character} of line {line} does not belong there"),
        _ => first.chars().take(200).collect(),
    }
}
