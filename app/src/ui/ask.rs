//! What a page asks the server for. Signals, caches and waiting are compiled once for all pages: only reading an answer
//! and drawing it know its type. That halves what a page adds to the WebAssembly module.

use std::{
    any::Any,
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem::ApiError;

type Fetched = Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send>>;

/// How an answer is waited for.
pub(super) type Wait = Arc<dyn Fn() -> Fetched + Send + Sync>;

/// An answer of any type.
#[derive(Clone)]
pub enum Answer {
    /// As it stands in the document that the server drew.
    Written(Arc<str>),
    Fetched {
        value: Arc<dyn Any + Send + Sync>,
        /// How the server writes it into the document.
        #[cfg(feature = "ssr")]
        write: fn(&(dyn Any + Send + Sync)) -> Result<String, serde_json::Error>,
    },
}

impl Answer {
    fn new<T: Any + Send + Sync + Serialize>(value: T) -> Self {
        Self::Fetched {
            value: Arc::new(value),
            #[cfg(feature = "ssr")]
            write: |value| value.downcast_ref::<T>().map_or_else(|| Ok(String::new()), serde_json::to_string),
        }
    }

    /// What it says.
    pub(super) fn read<T: Any + Clone + Send + Sync + DeserializeOwned>(self) -> Result<T, ApiError> {
        let unreadable = || ApiError::Failed("The server’s answer cannot be read. Load the page again.".to_owned());
        match self {
            // Bytes, as server functions read them too: text would have another reader for every type.
            Self::Written(text) => serde_json::from_slice(text.as_bytes()).map_err(|_| unreadable()),
            Self::Fetched { value, .. } => {
                value.downcast::<T>().map(|value| T::clone(&value)).map_err(|_| unreadable())
            }
        }
    }
}

/// An answer in a document: a sign, and JSON.
pub struct AnswerCodec;

type Outcome = Result<Answer, ApiError>;

impl Encoder<Outcome> for AnswerCodec {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(outcome: &Outcome) -> Result<String, serde_json::Error> {
        match outcome {
            Ok(Answer::Written(text)) => Ok(format!("+{text}")),
            #[cfg(feature = "ssr")]
            Ok(Answer::Fetched { value, write }) => Ok(format!("+{}", write(value.as_ref())?)),
            // The browser writes nothing into documents.
            #[cfg(not(feature = "ssr"))]
            Ok(Answer::Fetched { .. }) => Ok(String::new()),
            Err(error) => Ok(format!("-{}", serde_json::to_string(error)?)),
        }
    }
}

impl Decoder<Outcome> for AnswerCodec {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<Outcome, serde_json::Error> {
        match text.strip_prefix('+') {
            Some(text) => Ok(Ok(Answer::Written(text.into()))),
            None => serde_json::from_slice(text.trim_start_matches('-').as_bytes()).map(Err),
        }
    }
}

/// Changes when a form led back to the address its page stands at, where no question would notice: all are asked anew.
#[derive(Clone, Copy)]
pub struct Again(pub(super) RwSignal<bool>);

impl Again {
    /// For everything below.
    pub fn provide() {
        provide_context(Self(RwSignal::new(false)));
    }
}

/// A question to the server, asked anew whenever what it depends on changes. [`super::Loaded`] shows the answer.
pub struct Asked<T> {
    pub(super) wait: Wait,
    answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        Self { wait: Arc::clone(&self.wait), answer: PhantomData }
    }
}

impl<T: Any + Clone + Send + Sync + DeserializeOwned> Asked<T> {
    /// Waits for the answer.
    pub async fn answer(self) -> Result<T, ApiError> {
        (self.wait)().await?.read()
    }

    pub(super) fn read(answer: Answer) -> Result<T, ApiError> {
        answer.read()
    }
}

/// Asks a server function with what `source` says. The server waits for the answer before it sends the page.
pub fn asked<S, T, Later>(
    source: impl Fn() -> S + Send + Sync + 'static,
    question: impl Fn(S) -> Later + Send + Sync + 'static,
) -> Asked<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Any + Clone + Send + Sync + Serialize + DeserializeOwned,
    Later: Future<Output = Result<T, ApiError>> + Send + 'static,
{
    let current = Memo::new(move |_| source());
    let fetch = move || -> Fetched {
        let answer = question(current.get_untracked());
        Box::pin(async move { answer.await.map(Answer::new) })
    };
    let asked = resource(Box::new(move || current.with(|_| ())), Box::new(fetch));
    Asked { wait: Arc::new(move || Box::pin(asked.into_future())), answer: PhantomData }
}

fn resource(
    changes: Box<dyn Fn() + Send + Sync>,
    fetch: Box<dyn Fn() -> Fetched + Send + Sync>,
) -> Resource<Outcome, AnswerCodec> {
    let count = AtomicU64::new(0);
    let again = use_context::<Again>();
    let version = move || {
        changes();
        if let Some(again) = again {
            again.0.track();
        }
        count.fetch_add(1, Ordering::Relaxed)
    };
    Resource::new_with_options(version, move |_| fetch(), true)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn an_answer_survives_the_document() {
        let answer = Answer::new(vec!["a".to_owned(), "b".to_owned()]);
        let text = AnswerCodec::encode(&Ok(answer.clone())).unwrap();
        assert_eq!(text, r#"+["a","b"]"#);
        let read: Vec<String> = AnswerCodec::decode(&text).unwrap().unwrap().read().unwrap();
        assert_eq!(read, ["a", "b"]);
        assert_eq!(answer.clone().read::<Vec<String>>().unwrap(), ["a", "b"]);
        assert!(answer.read::<u32>().is_err(), "another type is refused and not guessed");

        let text = AnswerCodec::encode(&Err(ApiError::Denied)).unwrap();
        assert!(matches!(AnswerCodec::decode(&text).unwrap(), Err(ApiError::Denied)));
        assert!(AnswerCodec::decode("").is_err());
    }
}
