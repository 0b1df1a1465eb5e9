// SPDX-License-Identifier: MIT
// `tutti fetch` against servers that misbehave, ports that refuse, and URLs that are none.
#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "servers.hpp"

using namespace apps_test;
using nlohmann::json;

namespace {

/// The only result of a run that fails.
json failed_result(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"fetch", "--json"});
  const RunResult result = tutti_command(arguments);
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  const json document = json::parse(result.out);
  EXPECT_EQ(document["summary"]["failed"], 1);
  return document["results"][0];
}

}  // namespace

TEST(FetchFailures, ARefusedPortIsNamed) {
  const std::string port = std::to_string(refused_port());
  const json result = failed_result({"http://127.0.0.1:" + port + "/x"});
  EXPECT_EQ(result["status"], nullptr);
  EXPECT_EQ(result["error"]["kind"], "refused");
  EXPECT_EQ(result["error"]["type"], "ClientConnectorError");
  EXPECT_EQ(result["error"]["message"],
            "GET http://127.0.0.1:" + port + "/x: connect 127.0.0.1:" + port + ": connection refused");
}

TEST(FetchFailures, AWrongUrlFailsAloneAndSendsNothing) {
  const auto server = make_page_server([](const std::string&) { return response(200, "x"); });
  const RunResult result = tutti_command(
      {"fetch", "--json", "nonsense", "ftp://a/", "http://", "http://a b/", "https://127.0.0.1/", server->url()});
  EXPECT_EQ(result.exit_code, 1);
  const json document = json::parse(result.out);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(document["results"][i]["error"]["kind"], "bad URL") << document["results"][i];
    EXPECT_NE(document["results"][i]["error"]["message"].get<std::string>().find(document["results"][i]["url"]),
              std::string::npos);
  }
  EXPECT_EQ(document["results"][5]["ok"], true);
  EXPECT_EQ(server->connections(), 1);
}

TEST(FetchFailures, AHostThatDoesNotResolveIsNamed) {
  const json result = failed_result({"http://no-such-host.invalid/"});
  EXPECT_EQ(result["error"]["kind"], "no host");
  EXPECT_NE(result["error"]["message"].get<std::string>().find("no-such-host.invalid"), std::string::npos);
}

TEST(FetchFailures, AServerThatStallsTimesOut) {
  const RawServer silent([](const RawConnection& connection) { connection.wait_for_end(); });
  EXPECT_EQ(failed_result({"--timeout", "0.2", silent.url()})["error"]["kind"], "timeout");
  const RawServer half([](const RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    connection.wait_for_end();
  });
  const json result = failed_result({"--timeout", "0.2", half.url()});
  EXPECT_EQ(result["error"]["kind"], "timeout");
  EXPECT_EQ(result["size"], 4);
}

TEST(FetchFailures, ABodyThatEndsTooEarlyLeavesNoFile) {
  const RawServer server([](const RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
  });
  const ScratchDirectory output;
  const json result = failed_result({"--output", output.path(), server.url()});
  EXPECT_EQ(result["error"]["type"], "ClientPayloadError");
  EXPECT_EQ(result["file"], nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(output.path()));
}

TEST(FetchFailures, WhatIsNotHttpIsAnError) {
  for (const std::string& garbage :
       {std::string("SSH-2.0-OpenSSH\r\n"), std::string(200, '\0'), std::string("HTTP/1.1 2x0 OK\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), std::string()}) {
    const RawServer server([garbage](const RawConnection& connection) {
      connection.read_head();
      connection.send(garbage);
    });
    const json result = failed_result({"--timeout", "5", server.url()});
    EXPECT_NE(result["error"]["kind"], "timeout") << garbage;
    EXPECT_NE(result["error"]["message"], "") << garbage;
  }
}

TEST(FetchFailures, EndlessFieldsAreCutOff) {
  const RawServer server([](const RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100'000; ++i) connection.send("X-Field: " + std::string(100, 'x') + "\r\n");
  });
  EXPECT_EQ(failed_result({"--timeout", "20", server.url()})["error"]["type"], "InvalidResponseError");
}

TEST(FetchFailures, AResetIsAnError) {
  const RawServer server([](const RawConnection& connection) {
    connection.read_head();
    connection.reset();
  });
  EXPECT_EQ(failed_result({server.url()})["error"]["kind"], "reset");
}

TEST(FetchFailures, ABodyThatIsTooLargeIsAnError) {
  const auto server = make_page_server([](const std::string&) { return response(200, std::string(5000, 'x')); });
  const json result = failed_result({"--max-size", "1kB", "--retries", "2", server->url()});
  EXPECT_EQ(result["error"]["type"], "PayloadTooLargeError");
  EXPECT_EQ(result["error"]["kind"], "too large");
  EXPECT_EQ(result["attempts"], 1);
  EXPECT_EQ(tutti_command({"fetch", "--max-size", "5kB", server->url()}).exit_code, 0);
}

TEST(FetchFailures, RetriesServerErrorsAndRefusals) {
  std::atomic<int> requests{0};
  const auto server = make_page_server(
      [&](const std::string&) { return ++requests < 3 ? response(503, "later") : response(200, "now"); });
  const RunResult result = tutti_command({"fetch", "--json", "--retries", "5", "--retry-delay", "0.01", server->url()});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  const json page = json::parse(result.out)["results"][0];
  EXPECT_EQ(page["attempts"], 3);
  EXPECT_EQ(page["size"], 3);
  const json refused =
      failed_result({"--retries", "2", "--retry-delay", "0", "http://127.0.0.1:" + std::to_string(refused_port())});
  EXPECT_EQ(refused["attempts"], 3);
}

TEST(FetchFailures, DoesNotRetryWhatWouldFailAgain) {
  const auto server = make_page_server([](const std::string&) { return response(404, "no"); });
  EXPECT_EQ(failed_result({"--retries", "5", server->url()})["attempts"], 1);
  EXPECT_EQ(failed_result({"--retries", "5", "nonsense"})["attempts"], 1);
}
