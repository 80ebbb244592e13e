//! HTTP/1.1 as both ends need it: heads, and bodies of a known length or in chunks.

use std::io::{self, ErrorKind};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream};

/// No head that is sent here is longer.
const LONGEST_HEAD: usize = 16 << 10;
const READ: usize = 64 << 10;

/// One connection, and what was read of it but not used.
pub struct Wire {
    pub stream: TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

pub struct Head(String);

#[derive(Clone, Copy)]
pub enum Framing {
    Length(usize),
    Chunks,
}

impl Head {
    /// The first line.
    pub fn line(&self) -> &str {
        self.0.split("\r\n").next().unwrap_or_default()
    }

    /// The value of a header, whose name is given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn framing(&self) -> Framing {
        match self.get("content-length").and_then(|text| text.parse().ok()) {
            Some(length) => Framing::Length(length),
            None if self.get("transfer-encoding").is_some() => Framing::Chunks,
            None => Framing::Length(0),
        }
    }

    /// Of an answer.
    pub fn status(&self) -> u16 {
        self.line().split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl Wire {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; READ].into(), start: 0, end: 0 })
    }

    pub async fn connect(port: u16) -> io::Result<Self> {
        Self::new(TcpStream::connect(("127.0.0.1", port)).await?)
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// None if the other end has closed the connection between two messages.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(at) = self.seen().windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.seen()[..at]).into_owned();
                self.start += at + 4;
                return Ok(Some(Head(text)));
            }
            if self.seen().len() > LONGEST_HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
            let before = self.seen().len();
            if self.more().await? == 0 {
                return if before == 0 { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Hands over the body, piece by piece as it comes.
    pub async fn body(&mut self, framing: Framing, mut on: impl FnMut(&[u8])) -> io::Result<()> {
        match framing {
            Framing::Length(length) => self.pass(length, &mut on).await,
            Framing::Chunks => loop {
                let size = self.size().await?;
                self.pass(size, &mut on).await?;
                // The line end behind a chunk, or behind trailers, of which there are none.
                self.pass(2, &mut |_| ()).await?;
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    async fn size(&mut self) -> io::Result<usize> {
        loop {
            if let Some(at) = self.seen().windows(2).position(|two| two == b"\r\n") {
                let text = String::from_utf8_lossy(&self.seen()[..at]).into_owned();
                self.start += at + 2;
                return usize::from_str_radix(text.trim(), 16).map_err(|_| ErrorKind::InvalidData.into());
            }
            if self.more().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn pass(&mut self, mut left: usize, on: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.seen().is_empty() && self.more().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let taken = left.min(self.seen().len());
            on(&self.seen()[..taken]);
            self.start += taken;
            left -= taken;
        }
        Ok(())
    }

    fn seen(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads what there is; 0 at the end.
    async fn more(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let read = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read)
    }
}
