//! A response body that shares its bytes with other responses. It is sent in parts until a deadline.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// The largest part. Each part is a copy, because an unread slice would keep all shared bytes in memory.
const PART: usize = 64 * 1024;

/// How long the whole body may take: enough for a snapshot of 20,000 visitors on a slow phone.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// The client reads too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the client did not read the answer in time")]
pub struct TooSlow;

/// The body. `T` is held until the last part is sent.
pub struct SharedBody<T> {
    rest: Bytes,
    held: Option<T>,
    deadline: Instant,
}

impl<T> SharedBody<T> {
    /// A body of these bytes, which must be read until the deadline.
    pub fn new(bytes: Bytes, held: T, deadline: Instant) -> Self {
        Self {
            rest: bytes,
            held: Some(held),
            deadline,
        }
    }
}

impl<T: Unpin> Body for SharedBody<T> {
    type Data = Bytes;
    type Error = TooSlow;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooSlow>>> {
        if self.rest.is_empty() {
            self.held = None;
            return Poll::Ready(None);
        }
        if Instant::now() >= self.deadline {
            return Poll::Ready(Some(Err(TooSlow)));
        }
        let size = self.rest.len().min(PART);
        let part = Bytes::copy_from_slice(&self.rest.split_to(size));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    async fn next(body: &mut SharedBody<Arc<()>>) -> Option<Result<Bytes, TooSlow>> {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    #[tokio::test]
    async fn unread_part_keeps_only_itself_in_memory() {
        let bytes: Bytes = (0..=u8::MAX).cycle().take(2 * PART + 1).collect();
        let held = Arc::new(());
        let mut body = SharedBody::new(bytes.clone(), Arc::clone(&held), Instant::now() + TIMEOUT);
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        let mut unread = Vec::new();
        for _ in 0..3 {
            assert_eq!(Arc::strong_count(&held), 2);
            unread.push(next(&mut body).await.unwrap().unwrap());
        }
        assert!(next(&mut body).await.is_none());
        assert_eq!(Arc::strong_count(&held), 1);
        drop(body);
        assert_eq!(unread.concat(), bytes);
        assert!(bytes.is_unique());
    }

    #[tokio::test]
    async fn slow_reader_gets_an_error() {
        let mut body = SharedBody::new(Bytes::from_static(b"x"), Arc::default(), Instant::now());
        assert!(next(&mut body).await.unwrap().is_err());
    }
}
