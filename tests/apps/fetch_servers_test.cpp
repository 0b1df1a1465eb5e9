// SPDX-License-Identifier: MIT
// `tutti fetch` against servers that others wrote, and the servers of these tests.
#include "servers.hpp"

#include <filesystem>
#include <stdexcept>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace apps_test {

Listener::Listener() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 512) != 0 || ::getsockname(fd_, generic, &size) != 0) {
    throw std::runtime_error("no listening socket");
  }
  port_ = ntohs(address.sin_port);
}

Listener::~Listener() { close(); }

void Listener::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string RawConnection::read_head() const {
  std::string head;
  char byte = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (::recv(fd_, &byte, 1, 0) <= 0) return "";
    head += byte;
  }
  return head;
}

void RawConnection::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

void RawConnection::wait_for_end() const {
  char buffer[1024];
  while (::recv(fd_, buffer, sizeof buffer, 0) > 0) continue;
}

void RawConnection::reset() const {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

RawServer::RawServer(std::function<void(const RawConnection&)> answer) : answer_(std::move(answer)) {
  thread_ = std::thread([this] {
    std::vector<std::pair<int, std::thread>> connections;
    for (;;) {
      const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) break;
      ++count_;
      connections.emplace_back(fd, std::thread([this, fd] {
                                 answer_(RawConnection(fd));
                                 // Not close(): the number must stay taken until the thread is joined.
                                 linger option{};
                                 socklen_t size = sizeof option;
                                 ::getsockopt(fd, SOL_SOCKET, SO_LINGER, &option, &size);
                                 if (option.l_onoff == 0) ::shutdown(fd, SHUT_RDWR);
                                 if (option.l_onoff != 0) {
                                   sockaddr unspecified{};
                                   unspecified.sa_family = AF_UNSPEC;
                                   ::connect(fd, &unspecified, sizeof unspecified);  // resets: tcp(7) of Linux
                                 }
                               }));
    }
    for (auto& [fd, thread] : connections) {
      ::shutdown(fd, SHUT_RDWR);
      thread.join();
      ::close(fd);
    }
  });
}

RawServer::~RawServer() {
  ::shutdown(listener_.fd(), SHUT_RDWR);  // wakes accept()
  thread_.join();
}

std::string RawServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(listener_.port()) + path;
}

std::unique_ptr<RawServer> make_page_server(std::function<std::string(const std::string&)> respond) {
  return std::make_unique<RawServer>([respond = std::move(respond)](const RawConnection& connection) {
    for (std::string head = connection.read_head(); !head.empty(); head = connection.read_head()) {
      const std::size_t begin = head.find(' ') + 1;
      connection.send(respond(head.substr(begin, head.find(' ', begin) - begin)));
    }
  });
}

std::string response(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::uint16_t refused_port() { return Listener().port(); }

ForeignServer start_python_server(const ScratchDirectory& root) {
  auto process = std::make_unique<Process>(std::vector<std::string>{"python3", "-u", "-m", "http.server", "0", "--bind",
                                                                    "127.0.0.1", "--directory", root.path()});
  // "Serving HTTP on 127.0.0.1 port 45123 (http://127.0.0.1:45123/) ..."
  const std::string line = process->read_line_with("Serving HTTP");
  const std::size_t begin = line.find("(http://");
  if (begin == std::string::npos) {
    const RunResult result = process->wait();
    if (result.exit_code == 127) return {};
    throw std::runtime_error("http.server did not start: " + result.out + result.err);
  }
  return {std::move(process), line.substr(begin + 1, line.find(')') - begin - 2)};
}

ForeignServer start_nginx(const ScratchDirectory& root, const ScratchDirectory& state) {
  std::string program;
  for (const char* path : {"/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"}) {
    if (std::filesystem::exists(path)) program = path;
  }
  if (program.empty()) return {};
  // nginx takes over sockets that NGINX names, as it does when it replaces itself: so its port is free and listens at once.
  const Listener listener;
  const std::string url = "http://127.0.0.1:" + std::to_string(listener.port());
  std::string temporary;
  for (const char* name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    temporary += std::string(name) + "_temp_path " + (state / name) + ";\n";
  }
  write_file(state / "nginx.conf",
             "daemon off;\nworker_processes 1;\npid " + (state / "pid") + ";\nerror_log " + (state / "error.log") +
                 ";\nevents {}\nhttp {\naccess_log off;\n" + temporary +
                 "types { text/html html; }\nserver { listen 127.0.0.1:" + std::to_string(listener.port()) + "; root " +
                 root.path() + "; location /old { return 301 " + url + "/page/1.html; } }\n}\n");
  return {std::make_unique<Process>(std::vector<std::string>{program, "-p", state.path(), "-e", state / "error.log",
                                                             "-c", state / "nginx.conf"},
                                    Process::Options{.environment = {"NGINX=3;"}, .inherited = listener.fd()}),
          url};
}

}  // namespace apps_test

using namespace apps_test;
using nlohmann::json;

namespace {

constexpr int kPages = 30;

std::string page_text(int number) {
  return "page " + std::to_string(number) + std::string(static_cast<std::size_t>(number) * 1000, 'x');
}

void make_pages(const ScratchDirectory& root) {
  std::filesystem::create_directory(root / "page");
  for (int i = 0; i < kPages; ++i) write_file(root / ("page/" + std::to_string(i) + ".html"), page_text(i));
}

std::string url_list(const std::string& base) {
  std::string urls;
  for (int i = 0; i < kPages; ++i) urls += base + "/page/" + std::to_string(i) + ".html\n";
  return urls + base + "/missing\n";
}

/// All pages are right, one is missing; and one after another gives the same as all together.
void fetch_pages(const std::string& base) {
  json all[2];
  const std::vector<std::string> ways[2] = {{"fetch", "--json", "-"}, {"fetch", "--json", "--sequential", "-"}};
  for (int way = 0; way < 2; ++way) {
    const ScratchDirectory output;
    std::vector<std::string> arguments = ways[way];
    arguments.insert(arguments.end(), {"--output", output.path()});
    const RunResult result = tutti_command(arguments, {.input = url_list(base)});
    ASSERT_EQ(result.exit_code, 1) << result.out << result.err;
    const json document = json::parse(result.out);
    ASSERT_EQ(document["results"].size(), static_cast<std::size_t>(kPages) + 1);
    for (int i = 0; i < kPages; ++i) {
      const json& page = document["results"][static_cast<std::size_t>(i)];
      EXPECT_EQ(page["status"], 200) << page;
      EXPECT_EQ(read_file(page["file"]), page_text(i));
    }
    EXPECT_EQ(document["results"][kPages]["status"], 404);
    EXPECT_EQ(document["results"][kPages]["file"], nullptr);
    EXPECT_EQ(document["summary"]["ok"], kPages);
    EXPECT_EQ(document["summary"]["failed"], 1);
    const auto files = std::filesystem::directory_iterator(output.path());
    EXPECT_EQ(std::distance(begin(files), end(files)), kPages);
    for (json page : document["results"]) {
      for (const char* varies : {"time", "began", "phases", "file"}) page.erase(varies);
      all[way].push_back(page);
    }
  }
  EXPECT_EQ(all[0], all[1]);
}

}  // namespace

TEST(FetchServers, FetchesFromPythonsServer) {
  const ScratchDirectory root;
  make_pages(root);
  const ForeignServer server = start_python_server(root);
  if (!server.process) GTEST_SKIP() << "python3 is not installed";
  fetch_pages(server.url);
}

TEST(FetchServers, FetchesFromNginx) {
  const ScratchDirectory root, state;
  // Workers of a master that is root run as another user.
  std::filesystem::permissions(root.path(), std::filesystem::perms(0755));
  make_pages(root);
  const ForeignServer server = start_nginx(root, state);
  if (!server.process) GTEST_SKIP() << "nginx is not installed";
  fetch_pages(server.url);
}

TEST(FetchServers, FollowsNginxsRedirect) {
  const ScratchDirectory root, state;
  std::filesystem::permissions(root.path(), std::filesystem::perms(0755));
  make_pages(root);
  const ForeignServer server = start_nginx(root, state);
  if (!server.process) GTEST_SKIP() << "nginx is not installed";
  const RunResult result = tutti_command({"fetch", "--json", server.url + "/old"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  const json page = json::parse(result.out)["results"][0];
  EXPECT_EQ(page["final_url"], server.url + "/page/1.html");
  EXPECT_EQ(page["size"], page_text(1).size());
  const RunResult refused = tutti_command({"fetch", "--json", "--max-redirects", "0", server.url + "/old"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(json::parse(refused.out)["results"][0]["error"]["type"], "TooManyRedirects");
}
