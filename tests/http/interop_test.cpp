// SPDX-License-Identifier: MIT
// Our server against curl, our client against nginx and Python's http.server: programs that nobody here has written.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include <tutti/task/executor.hpp>

#include "http_support.hpp"
#include "support/program.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;
using test_support::Program;
using test_support::ScratchDirectory;
namespace fs = std::filesystem;

std::string find_program(const std::string& name) {
  std::string path = std::string(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "") + ":/usr/sbin:/usr/bin";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const fs::path candidate = fs::path(path.substr(begin, end - begin)) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return "";
}

std::string large_text() {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + "\n";
  return text;
}

/// What curl prints.
Coro<std::string> curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {find_program("curl"), "--silent", "--show-error", "--noproxy", "*", "--max-time", "15"});
  co_return co_await tutti::to_thread([arguments] { return Program(arguments).rest(); });
}

TUTTI_TEST(HttpInterop, ServesCurl) {
  if (find_program("curl").empty()) CO_SKIP() << "curl is not installed";
  http::Server server({.client_max_size = 64 * 1024 * 1024});
  server.get("/hello", []() -> Coro<Response> { co_return Response::text("hello"); });
  server.get("/stream", []() -> Coro<Response> {
    co_return Response::stream([]() -> tutti::AsyncGenerator<std::string> {
      for (int i = 0; i < 3; ++i) co_yield std::to_string(i);
    });
  });
  server.get("/there", []() -> Coro<Response> { co_return Response::redirect("/hello"); });
  server.post("/length", [](Request& request) -> Coro<Response> {
    const std::string body = co_await request.read();
    co_return Response::text(std::to_string(body.size()));
  });
  co_await server.start();
  const std::string url = server.url();
  EXPECT_EQ(co_await curl({url + "/hello"}), "hello");
  EXPECT_EQ(co_await curl({"--http1.0", url + "/hello"}), "hello");
  EXPECT_EQ(co_await curl({url + "/stream"}), "012");
  EXPECT_EQ(co_await curl({"--http1.0", url + "/stream"}), "012");
  EXPECT_EQ(co_await curl({"--location", url + "/there"}), "hello");
  EXPECT_TRUE((co_await curl({"--head", url + "/hello"})).starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(co_await curl({url + "/hello", url + "/stream", url + "/hello"}), "hello012hello");
  const ScratchDirectory directory;
  const std::string text = large_text();
  directory.make("body", text);
  const std::string from_file = "@" + (directory / "body");
  // A body of this size makes curl ask for "100 Continue" first.
  EXPECT_EQ(co_await curl({"--data-binary", from_file, url + "/length"}), std::to_string(text.size()));
  const std::vector<std::string> chunked{"--header", "Transfer-Encoding: chunked", "--data-binary", from_file,
                                         url + "/length"};
  EXPECT_EQ(co_await curl(chunked), std::to_string(text.size()));
  const std::vector<std::string> none{"--output", "/dev/null", "--write-out", "%{http_code}", url + "/none"};
  EXPECT_EQ(co_await curl(none), "404");
  co_await server.close();
}

/// The pages of a directory, as `session` gets them.
Coro<> check_pages(http::ClientSession& session, const std::string& text) {
  const auto index = co_await session.get("/");
  EXPECT_EQ(index.status(), 200);
  EXPECT_EQ(index.content_type(), "text/html");
  EXPECT_EQ(co_await index.text(), "<p>the index</p>");
  const auto large = co_await session.get("/large.txt");
  EXPECT_EQ(large.content_length(), text.size());
  EXPECT_TRUE(co_await large.text() == text);
  const auto head = co_await session.head("/large.txt");
  EXPECT_EQ(head.content_length(), text.size());
  EXPECT_EQ((co_await session.get("/none")).status(), 404);
  const auto folder = co_await session.get("/folder");
  EXPECT_EQ(folder.history().size(), 1U);
  EXPECT_EQ(co_await folder.text(), "in the folder");
  const auto refused = co_await session.post("/", {.data = "not wanted"});
  EXPECT_GE(refused.status(), 400);
  const auto fetch = [&]() -> Coro<std::string> {
    const auto response = co_await session.get("/");
    co_return co_await response.text();
  };
  std::vector<Coro<std::string>> requests;
  for (int i = 0; i < 50; ++i) requests.push_back(fetch());
  for (const std::string& page : co_await tutti::gather(std::move(requests))) EXPECT_EQ(page, "<p>the index</p>");
}

void write_pages(const ScratchDirectory& directory, const std::string& text) {
  directory.make("index.html", "<p>the index</p>");
  directory.make("large.txt", text);
  fs::create_directory(directory / "folder");
  directory.make("folder/index.html", "in the folder");
}

TUTTI_TEST(HttpInterop, ReadsFromPythonsServer) {
  const std::string python = find_program("python3");
  if (python.empty()) CO_SKIP() << "python3 is not installed";
  const ScratchDirectory directory;
  const std::string text = large_text();
  write_pages(directory, text);
  Program program({python, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", directory.path()});
  const std::string line = co_await tutti::to_thread([&] { return program.line(); });
  const std::size_t at = line.find(" port ");
  CO_ASSERT_NE(at, std::string::npos) << line;
  const std::string url = "http://127.0.0.1:" + std::to_string(std::stoi(line.substr(at + 6)));
  http::ClientSession session({.base_url = http::Url(url), .connector = {.limit = 4}});
  co_await check_pages(session, text);
  co_await session.close();
}

TUTTI_TEST(HttpInterop, ReadsFromNginx) {
  const std::string nginx = find_program("nginx");
  if (nginx.empty()) CO_SKIP() << "nginx is not installed";
  const ScratchDirectory directory;
  const std::string text = large_text();
  write_pages(directory, text);
  const std::string path = directory.path();
  const std::string socket = path + "/socket";
  std::string paths;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    paths += std::string(kind) + "_temp_path " + path + "/" + kind + "; ";
  }
  directory.make("nginx.conf", "daemon off; master_process off; error_log " + path + "/error.log; pid " + path +
                                   "/pid; events {} http { " + paths +
                                   "access_log off; types { text/html html; } server { listen unix:" + socket +
                                   "; absolute_redirect off; root " + path + "; } }");
  Program program({nginx, "-p", path, "-c", path + "/nginx.conf"});
  // The file is there before anybody listens.
  bool listens = false;
  for (int i = 0; i < 1000 && !listens; ++i) {
    try {
      auto streams = co_await tutti::open_unix_connection(socket);
      streams.writer.close();
      listens = true;
    } catch (const tutti::OSError&) {
    }
    if (!listens) co_await tutti::sleep(5ms);
  }
  if (!listens) CO_SKIP() << "nginx does not start here";
  http::ClientSession session(
      {.base_url = http::Url("http://localhost"),
       .connector = {.limit = 10},
       .open_connection = [socket](std::string, std::uint16_t) { return tutti::open_unix_connection(socket); }});
  co_await check_pages(session, text);
  co_await session.close();
}

}  // namespace
