// SPDX-License-Identifier: MIT
//! An echo server on tokio's single-threaded runtime: echo_tokio PORT
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn echo(mut stream: TcpStream) {
    let mut data = [0u8; 4096];
    while let Ok(count) = stream.read(&mut data).await {
        if count == 0 || stream.write_all(&data[..count]).await.is_err() {
            return;
        }
    }
}

fn main() {
    let port = std::env::args().nth(1).expect("echo_tokio PORT");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async move {
        let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            tokio::spawn(echo(stream));
        }
    });
}
