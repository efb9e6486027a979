use proptest::prelude::*;
use tokio::io::duplex;

use super::*;

/// A bind response to message 1 with result code 49 and AD's words.
fn bind_response() -> Vec<u8> {
    let text = b"data 52e";
    let mut operation = vec![0x0a, 1, 49, 0x04, 0, 0x04, u8::try_from(text.len()).unwrap()];
    operation.extend_from_slice(text);
    let mut message = vec![0x02, 1, 1, 0x61, u8::try_from(operation.len()).unwrap()];
    message.extend(operation);
    let mut whole = vec![0x30, u8::try_from(message.len()).unwrap()];
    whole.extend(message);
    whole
}

/// A bind request of message 1, without a name and a password.
const BIND_REQUEST: &[u8] = &[0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0];

#[test]
fn only_the_answer_to_what_was_asked_passes() {
    let search = [0x30, 6, 2, 1, 2, 0x63, 1, 0];
    let unbind = [0x30, 5, 2, 1, 3, 0x42, 0];
    let bind = Asked::of(BIND_REQUEST).unwrap();
    assert_eq!(bind, Asked { id: 1, operation: Operation::Bind });
    assert_eq!(Asked::of(&search), Some(Asked { id: 2, operation: Operation::Search }));
    assert_eq!(Asked::of(&unbind), None);
    let answer = |id: u8, tag: u8| check(&[0x30, 12, 2, 1, id, tag, 7, 0x0a, 1, 0, 4, 0, 4, 0]).unwrap();
    assert!(bind.is_answered_by(&answer(1, 0x61)));
    for (id, tag) in [(2, 0x61), (1, 0x65), (1, 0x78)] {
        assert!(!bind.is_answered_by(&answer(id, tag)), "{id} {tag:x}");
    }
    let search = Asked::of(&search).unwrap();
    assert!(search.is_answered_by(&answer(2, 0x65)) && !search.is_answered_by(&answer(2, 0x61)));
}

#[test]
fn very_many_tiny_elements_are_refused_before_they_are_decoded() {
    let content = [4, 0].repeat(ELEMENT_LIMIT);
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let message = [&[0x30, 0x84][..], &length, &content].concat();
    assert!(check(&message).unwrap_err().to_string().contains("more than one answer"));
}

#[test]
fn an_ordinary_answer_passes() {
    check(&bind_response()).unwrap();
}

#[test]
fn deep_nesting_is_refused_without_recursing() {
    // Each level is a constructed element that holds the next: what recursion would overflow the stack on.
    let mut message = vec![0x04, 0];
    for _ in 0..100_000 {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let mut outer = vec![0x30, 0x84];
        outer.extend(length);
        outer.append(&mut message);
        message = outer;
        if message.len() > 60_000 {
            break;
        }
    }
    assert!(check(&message).unwrap_err().to_string().contains("nests too deep"));
}

#[test]
fn lengths_that_lie_are_refused() {
    for bytes in [
        &[0x30, 0x84, 0x40, 0, 0, 0][..],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x88, 1, 1, 1, 1, 1, 1, 1, 1],
        &[0x30, 0xff],
        &[0x48, 0x54, 0x54, 0x50],
    ] {
        assert!(message_length(bytes, MESSAGE_LIMIT).is_err(), "{bytes:x?}");
    }
    // The inner element claims more than the outer one holds.
    assert!(check(&[0x30, 4, 0x04, 0x7f, 0, 0]).is_err());
}

#[test]
fn messages_of_another_shape_are_refused() {
    for bytes in [
        &[0x30, 0][..],
        &[0x30, 3, 2, 1, 1],
        // Message id 0.
        &[0x30, 12, 2, 1, 0, 0x78, 7, 0x0a, 1, 52, 4, 0, 4, 0],
        // A result whose code is an octet string, and one whose text is not UTF-8.
        &[0x30, 12, 2, 1, 1, 0x61, 7, 4, 1, 0, 4, 0, 4, 0],
        &[0x30, 13, 2, 1, 1, 0x61, 8, 0x0a, 1, 0, 4, 0, 4, 1, 0xff],
        // A request.
        &[0x30, 5, 2, 1, 1, 0x42, 0],
    ] {
        assert!(check(bytes).is_err(), "{bytes:x?}");
    }
}

#[tokio::test]
async fn what_is_behind_the_answer_to_start_tls_is_refused() {
    let (mut server, mut client) = duplex(1024);
    server.write_all(&bind_response()).await.unwrap();
    only_message(&mut client).await.unwrap();
    server.write_all(&[bind_response(), bind_response()].concat()).await.unwrap();
    assert!(only_message(&mut client).await.unwrap_err().to_string().contains("plain text"));
}

#[tokio::test]
async fn an_operation_returns_no_more_than_its_allowance() {
    let (mut server, client) = duplex(64 * 1024);
    let gate = gate(client).unwrap();
    gate.inner.set_nonblocking(true).unwrap();
    let mut inner = UnixStream::from_std(gate.inner).unwrap();
    inner.write_all(BIND_REQUEST).await.unwrap();
    server.read_exact(&mut [0; BIND_REQUEST.len()]).await.unwrap();
    let sink = tokio::spawn(async move {
        let mut total = 0;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = inner.read(&mut buffer).await {
            total += read;
        }
        total
    });
    // One answer of 3 MB after the other.
    let text = vec![b'x'; 3 * 1024 * 1024];
    let long = |tag: u8, content: Vec<u8>| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84][..], &length, &content].concat()
    };
    let operation = long(0x61, [&[0x0a, 1, 49, 0x04, 0][..], &long(0x04, text)].concat());
    let message = long(0x30, [&[0x02, 1, 1][..], &operation].concat());
    while server.write_all(&message).await.is_ok() {}
    assert!(sink.await.unwrap() <= OPERATION_LIMIT);
    assert!(gate.closed.reason().unwrap().contains("more than one answer may hold"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever passes is decoded by the library without stopping the thread.
    #[test]
    fn nothing_that_passes_stops_the_library(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
        flip in any::<usize>(), to in any::<u8>(),
    ) {
        let _random = check(&bytes);
        bytes = bind_response();
        let at = flip % bytes.len();
        bytes[at] = to;
        if let Ok(message) = check(&bytes) {
            let PL::C(mut parts) = message.payload else { panic!("not a sequence") };
            let operation = parts.swap_remove(1);
            if [1, 5, 24].contains(&operation.id) {
                let _decoded = ldap3::LdapResult::from(lber::structures::Tag::StructureTag(operation));
            }
        }
    }
}
