// SPDX-License-Identifier: MIT
// What `tutti fetch` reads, prints and writes.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "servers.hpp"

using namespace apps_test;
using nlohmann::json;

namespace {

std::unique_ptr<RawServer> echo_server() {
  return make_page_server(
      [](const std::string& path) { return response(path == "/missing" ? 404 : 200, "this is " + path); });
}

}  // namespace

TEST(FetchCommand, PrintsALineForEachUrlAndASummary) {
  const auto server = echo_server();
  const RunResult result = tutti_command({"fetch", server->url("/a"), server->url("/missing")});
  EXPECT_EQ(result.exit_code, 1);
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 2U) << result.out;
  EXPECT_NE(result.out.find("200     10 B"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find(server->url("/missing")), std::string::npos);
  EXPECT_NE(result.err.find("2 requests in "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("1 ok, 1 failed"), std::string::npos) << result.err;
}

TEST(FetchCommand, SucceedsIfAllDo) {
  const auto server = echo_server();
  const RunResult result = tutti_command({"fetch", "--quiet", server->url("/a"), server->url("/b")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
}

TEST(FetchCommand, TakesUrlsFromArgumentsFilesAndStandardInput) {
  const auto server = echo_server();
  const ScratchDirectory directory;
  write_file(directory / "urls", "# two\n" + server->url("/file1") + "\n\n  " + server->url("/file2") + "  \n");
  const RunResult result =
      tutti_command({"fetch", "--json", server->url("/argument"), "-i", directory / "urls", "--input", "-"},
                    {.input = server->url("/input") + "\r\n"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::vector<std::string> urls;
  const json document = json::parse(result.out);
  for (const json& page : document["results"]) urls.push_back(page["url"]);
  EXPECT_EQ(urls, (std::vector<std::string>{server->url("/argument"), server->url("/file1"), server->url("/file2"),
                                            server->url("/input")}));
}

TEST(FetchCommand, GivesJsonLines) {
  const auto server = echo_server();
  const RunResult result = tutti_command({"fetch", "--json-lines", server->url("/a"), server->url("/b"), "nonsense"});
  EXPECT_EQ(result.exit_code, 1);
  std::set<std::string> urls;
  for (const std::string& line : lines_of(result.out)) urls.insert(json::parse(line)["url"]);
  EXPECT_EQ(urls, (std::set<std::string>{server->url("/a"), server->url("/b"), "nonsense"}));
}

TEST(FetchCommand, SavesBodiesUnderNamesOfTheirOwnInsideTheDirectory) {
  const auto server = echo_server();
  const ScratchDirectory parent;
  const std::string output = parent / "deep/er";
  const RunResult result =
      tutti_command({"fetch", "--json", "-o", output, server->url("/../../escape"), server->url("/a"),
                     server->url("/a"), server->url("/missing"), server->url("/")});
  const json document = json::parse(result.out);
  std::set<std::string> files;
  for (const json& page : document["results"]) {
    if (!page["ok"].get<bool>()) continue;
    const std::filesystem::path file(page["file"].get<std::string>());
    EXPECT_EQ(file.parent_path(), output);
    const std::string url = page["url"];
    EXPECT_EQ(read_file(file.string()), "this is " + url.substr(server->url("").size()));
    files.insert(file.string());
  }
  EXPECT_EQ(files.size(), 4U);
  const auto saved = std::filesystem::directory_iterator(output);
  EXPECT_EQ(std::distance(begin(saved), end(saved)), 4);
}

TEST(FetchCommand, ReplacesASymbolicLinkInsteadOfFollowingIt) {
  const auto server = echo_server();
  const ScratchDirectory directory, elsewhere;
  write_file(elsewhere / "victim", "untouched");
  json page =
      json::parse(tutti_command({"fetch", "--json", "-o", directory.path(), server->url("/a")}).out)["results"][0];
  const std::string file = page["file"];
  std::filesystem::remove(file);
  std::filesystem::create_symlink(elsewhere / "victim", file);
  EXPECT_EQ(tutti_command({"fetch", "-o", directory.path(), server->url("/a")}).exit_code, 0);
  EXPECT_EQ(read_file(elsewhere / "victim"), "untouched");
  EXPECT_FALSE(std::filesystem::is_symlink(file));
  EXPECT_EQ(read_file(file), "this is /a");
}

TEST(FetchCommand, SavesLargeBodiesWhole) {
  std::string large;
  for (int i = 0; i < 300'000; ++i) large += std::to_string(i) + "\n";
  const auto server = make_page_server([&](const std::string&) { return response(200, large); });
  const ScratchDirectory directory;
  const RunResult result =
      tutti_command({"fetch", "--json", "-o", directory.path(), server->url("/a"), server->url("/b")});
  ASSERT_EQ(result.exit_code, 0) << result.out;
  const json document = json::parse(result.out);
  for (const json& page : document["results"]) EXPECT_TRUE(read_file(page["file"]) == large);
}

TEST(FetchCommand, SendsMethodAndFields) {
  const RawServer server([](const RawConnection& connection) {
    const std::string head = connection.read_head();
    connection.send(response(200, head));
  });
  const ScratchDirectory directory;
  const RunResult result = tutti_command(
      {"fetch", "--json", "-X", "DELETE", "-H", "X-One: 1", "-H", "X-Two:2", "-o", directory.path(), server.url("/x")});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  const std::string head = read_file(json::parse(result.out)["results"][0]["file"]);
  EXPECT_TRUE(head.starts_with("DELETE /x HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("X-One: 1\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("X-Two: 2\r\n"), std::string::npos) << head;
}

TEST(FetchCommand, HasNoMoreRequestsUnderWayThanItMay) {
  std::atomic<int> now{0}, most{0};
  const RawServer server([&](const RawConnection& connection) {
    for (std::string head = connection.read_head(); !head.empty(); head = connection.read_head()) {
      const int count = ++now;
      for (int seen = most; count > seen && !most.compare_exchange_weak(seen, count);) continue;
      --now;
      connection.send(response(200, "x"));
    }
  });
  std::vector<std::string> arguments{"fetch", "-q", "-c", "3"};
  for (int i = 0; i < 40; ++i) arguments.push_back(server.url("/" + std::to_string(i)));
  EXPECT_EQ(tutti_command(arguments).exit_code, 0);
  EXPECT_LE(most, 3);
  EXPECT_LE(server.connections(), 3);
}

TEST(FetchCommand, OneAfterAnotherKeepsTheOrderAndTheConnection) {
  const auto server = echo_server();
  std::vector<std::string> arguments{"fetch", "-q", "--sequential", "--json-lines"};
  std::vector<std::string> urls;
  for (int i = 0; i < 10; ++i) urls.push_back(server->url("/" + std::to_string(i)));
  arguments.insert(arguments.end(), urls.begin(), urls.end());
  std::vector<std::string> seen;
  for (const std::string& line : lines_of(tutti_command(arguments).out)) seen.push_back(json::parse(line)["url"]);
  EXPECT_EQ(seen, urls);
  EXPECT_EQ(server->connections(), 1);
}

TEST(FetchCommand, DrawsTimelines) {
  const auto server = echo_server();
  const ScratchDirectory directory;
  const std::string picture = directory / "timeline.svg";
  const RunResult result = tutti_command(
      {"fetch", "--timeline", "--timeline-svg", picture, server->url("/a?x=1&y=<2>"), server->url("/missing")},
      {.environment = {"LC_ALL=C"}});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("waiting for the answer"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("| 404"), std::string::npos) << result.out;
  const std::string svg = read_file(picture);
  EXPECT_TRUE(svg.starts_with("<?xml")) << svg;
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_NE(svg.find("/a?x=1&amp;y=&lt;2&gt;"), std::string::npos);
  const RunResult both = tutti_command({"fetch", "--json", "--timeline", server->url("/a")});
  EXPECT_TRUE(json::accept(both.out)) << both.out;
  EXPECT_NE(both.err.find("waiting for the answer"), std::string::npos) << both.err;
}

TEST(FetchCommand, TellsAPictureThatCannotBeWritten) {
  const auto server = echo_server();
  const RunResult result = tutti_command({"fetch", "--timeline-svg", "/nonexistent/x.svg", server->url("/a")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("/nonexistent/x.svg: no such file or directory"), std::string::npos) << result.err;
}

TEST(FetchCommand, EndsCleanlyWhenNobodyReads) {
  const auto server = echo_server();
  std::string urls;
  for (int i = 0; i < 300; ++i) urls += server->url("/" + std::to_string(i)) + "\n";
  for (const char* format : {"--json-lines", "--json", "--timeline"}) {
    Process process(with_command({"fetch", format, "-"}), {.input = urls});
    process.close_output();
    const RunResult result = process.wait();
    EXPECT_EQ(result.signal, 0) << format;
    EXPECT_EQ(result.exit_code, 1) << format << result.err;
  }
}

TEST(FetchCommand, CtrlCEndsWithWhatIsDone) {
  const RawServer server([](const RawConnection& connection) {
    for (std::string head = connection.read_head(); !head.empty(); head = connection.read_head()) {
      if (head.find("/never") != std::string::npos) return connection.wait_for_end();
      connection.send(response(200, "x"));
    }
  });
  Process process(with_command({"fetch", "--json-lines", "-c", "2", server.url("/first"), server.url("/never"),
                                server.url("/never"), server.url("/later")}));
  ASSERT_NE(process.read_line_with("/first"), "");
  process.send_signal(SIGINT);
  const RunResult result = process.wait();
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(lines_of(result.out).size(), 1U);
  EXPECT_NE(result.err.find("interrupted, 3 not done"), std::string::npos) << result.err;
}
