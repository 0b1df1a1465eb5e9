// SPDX-License-Identifier: MIT
//! An echo server on tokio's single-threaded runtime, or so many of them: echo_tokio PORT|PATH [LOOPS]
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, UnixListener};

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut data = [0u8; 4096];
    while let Ok(count) = stream.read(&mut data).await {
        if count == 0 || stream.write_all(&data[..count]).await.is_err() {
            return;
        }
    }
}

async fn serve_path(path: &str) {
    let listener = UnixListener::bind(path).unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(echo(stream));
    }
}

async fn serve_port(port: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(format!("127.0.0.1:{port}").parse().unwrap()).unwrap();
    let listener = socket.listen(4096).unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(echo(stream));
    }
}

fn run(place: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async move { if place.contains('/') { serve_path(place).await } else { serve_port(place).await } });
}

fn main() {
    let place = std::env::args().nth(1).expect("echo_tokio PORT|PATH [LOOPS]");
    let loops = std::env::args().nth(2).map_or(1, |text| text.parse().unwrap());
    let others: Vec<_> = (1..loops).map(|_| { let place = place.clone(); std::thread::spawn(move || run(&place)) }).collect();
    run(&place);
    others.into_iter().for_each(|other| other.join().unwrap());
}
