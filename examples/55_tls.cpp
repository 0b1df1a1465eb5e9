// SPDX-License-Identifier: MIT
// An echo server with TLS, whom the client trusts and whom it does not.
//
//   make build && build/release/examples/example_55_tls
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;
using tutti::SSLContext;
using tutti::StreamReader;
using tutti::StreamWriter;

Coro<> echo(StreamReader reader, StreamWriter writer) {
  while (auto line = co_await reader.next()) writer.write(*line);
}

// [region client]
Coro<> client(std::uint16_t port, SSLContext context) {
  auto [reader, writer] = co_await tutti::open_connection("localhost", port, {.ssl = std::move(context)});
  const tutti::SSLObject& tls = *writer.ssl_object();
  std::cout << tls.version() << ", " << tls.selected_alpn_protocol().value_or("no protocol") << ", "
            << tls.getpeercert()->subject << '\n';
  writer.write("hello\n");
  std::cout << "echo: " << co_await reader.readline();
  writer.close();  // with TLS's own end, and waits for the server's
  co_await writer.wait_closed();
}
// [endregion]

// [region main]
Coro<> async_main(std::string certificate) {
  SSLContext server_context = tutti::create_default_context(tutti::Purpose::client_auth);
  server_context.load_cert_chain(certificate);
  server_context.set_alpn_protocols({"echo"});
  auto server = co_await tutti::start_server(echo, "localhost", 0, {.ssl = server_context});

  SSLContext context = tutti::create_default_context(tutti::Purpose::server_auth, {.cafile = certificate});
  context.set_alpn_protocols({"echo"});
  co_await client(server.port(), context);
  try {
    co_await client(server.port(), tutti::create_default_context());  // trusts whom this machine trusts
  } catch (const tutti::SSLCertVerificationError& error) {
    std::cout << error.reason() << '\n';
  }
}
// [endregion]

int main() {
  std::string folder = std::filesystem::temp_directory_path() / "tutti-tls-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const std::string file = folder + "/server.pem";  // the certificate and its key
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost "
      "-addext subjectAltName=DNS:localhost -keyout " +
      file + " -out " + file + " 2>/dev/null";
  if (std::system(command.c_str()) == 0) tutti::run(async_main(file));
  std::filesystem::remove_all(folder);
}
