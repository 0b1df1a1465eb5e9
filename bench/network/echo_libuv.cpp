// SPDX-License-Identifier: MIT
// An echo server on libuv: one read buffer for all, written at once as far as it goes, the rest copied.
//   echo_libuv PORT|PATH
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <uv.h>

namespace {

char read_buffer[65536];

struct Rest {
  uv_write_t request;
  std::unique_ptr<char[]> bytes;
};

void end(uv_handle_t* handle) {
  if (handle->type == UV_TCP) {
    delete reinterpret_cast<uv_tcp_t*>(handle);
  } else {
    delete reinterpret_cast<uv_pipe_t*>(handle);
  }
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  if (count < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), end);
  if (count == 0) return;
  uv_buf_t out = uv_buf_init(buffer->base, static_cast<unsigned>(count));
  const int tried = uv_try_write(stream, &out, 1);
  const ssize_t written = tried < 0 ? 0 : tried;
  if (written == count) return;
  const auto left = static_cast<std::size_t>(count - written);
  auto* rest = new Rest{{}, std::make_unique<char[]>(left)};
  std::memcpy(rest->bytes.get(), buffer->base + written, left);
  rest->request.data = rest;
  out = uv_buf_init(rest->bytes.get(), static_cast<unsigned>(left));
  uv_write(&rest->request, stream, &out, 1, [](uv_write_t* request, int) { delete static_cast<Rest*>(request->data); });
}

uv_stream_t* new_stream(uv_stream_t* server) {
  if (server->type == UV_TCP) {
    auto* connection = new uv_tcp_t;
    uv_tcp_init(server->loop, connection);
    return reinterpret_cast<uv_stream_t*>(connection);
  }
  auto* connection = new uv_pipe_t;
  uv_pipe_init(server->loop, connection, 0);
  return reinterpret_cast<uv_stream_t*>(connection);
}

void on_connection(uv_stream_t* server, int) {
  uv_stream_t* stream = new_stream(server);
  if (uv_accept(server, stream) != 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), end);
  if (stream->type == UV_TCP) uv_tcp_nodelay(reinterpret_cast<uv_tcp_t*>(stream), 1);
  uv_read_start(
      stream,
      [](uv_handle_t*, std::size_t, uv_buf_t* buffer) { *buffer = uv_buf_init(read_buffer, sizeof read_buffer); },
      on_read);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t tcp;
  uv_pipe_t pipe;
  uv_stream_t* server = reinterpret_cast<uv_stream_t*>(&tcp);
  if (std::strchr(arguments[1], '/') != nullptr) {
    uv_pipe_init(loop, &pipe, 0);
    uv_pipe_bind(&pipe, arguments[1]);
    server = reinterpret_cast<uv_stream_t*>(&pipe);
  } else {
    uv_tcp_init(loop, &tcp);
    sockaddr_in address;
    uv_ip4_addr("127.0.0.1", std::atoi(arguments[1]), &address);
    uv_tcp_bind(&tcp, reinterpret_cast<const sockaddr*>(&address), 0);
  }
  if (uv_listen(server, 4096, on_connection) != 0) return 1;
  return uv_run(loop, UV_RUN_DEFAULT);
}
