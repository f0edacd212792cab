//! How long a client may take to send the head of a request; must not know what is asked.

use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

const HEAD_TIMEOUT: Duration = Duration::from_millis(500);
/// More than the kernel takes for anybody.
const LARGE_BYTES: usize = 64 * 1024 * 1024;
const WHOLE: &[u8] = b"GET /page HTTP/1.1\r\nhost: x\r\n\r\n";
/// Half of the head.
const HALF: usize = 9;

/// A server of large pages, and a client that has read the beginning of one and sent half a request
/// behind that for it.
async fn reading() -> (TcpStream, tokio_util::sync::DropGuard) {
    let settings = Settings {
        head_timeout: HEAD_TIMEOUT,
        ..Settings::default()
    };
    let (happened, _) = mpsc::unbounded_channel();
    let turns = None;
    let recorder = Arc::new(Recorder { happened, turns });
    let transport = Transport::new(settings, recorder, Arc::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let pages = tower::service_fn(|_: Request<HyperBody>| {
        let page = Full::new(Bytes::from(vec![b'x'; LARGE_BYTES]));
        std::future::ready(Ok::<_, Infallible>(Response::new(page)))
    });
    tokio::spawn(listener::serve(transport, listener, pages, stop.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(WHOLE).await.unwrap();
    let began = timeout(PATIENCE, client.read_exact(&mut [0; 12])).await;
    began.unwrap().unwrap();
    client.write_all(&WHOLE[..HALF]).await.unwrap();
    // Far longer than a head may take.
    tokio::time::sleep(HEAD_TIMEOUT * 3).await;
    let mut page = vec![0; LARGE_BYTES];
    let read = timeout(PATIENCE, client.read_exact(&mut page)).await;
    read.unwrap().expect("the answer comes whole");
    (client, stop.drop_guard())
}

#[tokio::test]
async fn a_head_behind_an_answer_that_leaves_slowly_has_its_time_when_that_has_left() {
    let (mut client, _stop) = reading().await;
    client.write_all(&WHOLE[HALF..]).await.unwrap();
    let mut next = vec![0; LARGE_BYTES];
    let read = timeout(PATIENCE, client.read_exact(&mut next)).await;
    read.unwrap().expect("the next answer comes");
}

#[tokio::test]
async fn the_rest_of_a_head_is_owed_once_the_answer_before_it_has_left() {
    let (mut client, _stop) = reading().await;
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, client.read_to_end(&mut rest)).await;
    read.expect("it is closed").ok();
    assert!(rest.len() < 1024, "what is left of the first answer");
}
