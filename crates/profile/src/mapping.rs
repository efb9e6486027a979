//! All expressions of one source.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{AttributeDefinition, Expression, ExpressionFault, Input, Misfit, Outcome, TypedValue};

/// The most attributes one mapping computes.
const MOST_RULES: usize = 200;

/// One line of a mapping, as it is stored and edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The attribute at the hub.
    pub attribute: String,
    /// CEL over `entry`.
    pub expression: String,
}

/// Why a mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingFault {
    #[error("{attribute}: {fault}")]
    Expression { attribute: String, fault: ExpressionFault },
    #[error("{0}: there is no such attribute")]
    NoSuchAttribute(String),
    #[error("{0} is computed twice")]
    Twice(String),
    #[error("{0} is required, and nothing computes it")]
    Missing(String),
    #[error("a mapping has at most {MOST_RULES} attributes")]
    TooMany,
}

/// Why one attribute of one entry could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error(transparent)]
    Expression(#[from] ExpressionFault),
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error("it is required, and the entry has nothing for it")]
    Required,
}

/// What a mapping makes of one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    pub values: BTreeMap<String, TypedValue>,
    /// Attributes that could not be computed. A value that is there already stays: a fault is no removal.
    pub problems: BTreeMap<String, Problem>,
    /// A required attribute is missing: the person is held back.
    pub held: bool,
}

/// The expressions of one source, with the types of what they compute.
#[derive(Debug)]
pub struct Mapping(Vec<(AttributeDefinition, Expression)>);

impl Mapping {
    /// Reads every rule; all faults at once, because whoever edits wants to see all of them.
    pub fn compile(rules: &[Rule], attributes: &[AttributeDefinition]) -> Result<Self, Vec<MappingFault>> {
        if rules.len() > MOST_RULES {
            return Err(vec![MappingFault::TooMany]);
        }
        let (mut faults, mut compiled, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for rule in rules {
            let name = rule.attribute.clone();
            if !seen.insert(name.clone()) {
                faults.push(MappingFault::Twice(name.clone()));
            }
            let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name) else {
                faults.push(MappingFault::NoSuchAttribute(name));
                continue;
            };
            match Expression::compile(&rule.expression) {
                Ok(expression) => compiled.push((attribute.clone(), expression)),
                Err(fault) => faults.push(MappingFault::Expression { attribute: name, fault }),
            }
        }
        let missing = attributes.iter().filter(|attribute| attribute.required && !seen.contains(&attribute.name));
        faults.extend(missing.map(|attribute| MappingFault::Missing(attribute.name.clone())));
        if faults.is_empty() { Ok(Self(compiled)) } else { Err(faults) }
    }

    /// Computes every attribute by itself.
    #[must_use]
    pub fn apply(&self, entry: &Input) -> Mapped {
        let mut mapped = Mapped::default();
        for (attribute, expression) in &self.0 {
            let computed = match expression.evaluate(entry) {
                Ok(Outcome::Text(text)) => attribute.read(&text).map_err(Problem::from),
                Ok(Outcome::Nothing) if attribute.required => Err(Problem::Required),
                Ok(Outcome::Nothing) => continue,
                Err(fault) => Err(fault.into()),
            };
            match computed {
                Ok(value) => drop(mapped.values.insert(attribute.name.clone(), value)),
                Err(Problem::Misfit(Misfit::Empty)) if !attribute.required => {}
                Err(problem) => {
                    mapped.held |= attribute.required;
                    mapped.problems.insert(attribute.name.clone(), problem);
                }
            }
        }
        mapped
    }
}
