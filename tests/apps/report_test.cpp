// SPDX-License-Identifier: MIT
// Results as text and as JSON.
#include "report.hpp"

#include <chrono>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace std::chrono_literals;
namespace app = tutti::app;
using nlohmann::json;

namespace {

app::FetchResult page(std::string url, int status) {
  app::FetchResult result;
  result.url = result.final_url = std::move(url);
  result.status = status;
  result.reason = status == 200 ? "OK" : "Not Found";
  result.size = 1234;
  result.attempts = 1;
  result.took = 12ms;
  result.done = true;
  return result;
}

app::FetchResult failure() {
  app::FetchResult result;
  result.url = "http://127.0.0.1:81/";
  result.attempts = 3;
  result.took = 1s;
  result.done = true;
  result.failure = {"ClientConnectorError", "GET http://127.0.0.1:81/: connect 127.0.0.1:81: connection refused",
                    "connect 127.0.0.1:81: connection refused", "refused"};
  return result;
}

app::Outcome three() {
  app::FetchResult interrupted;
  interrupted.url = "http://a/later";
  return {{page("http://a/", 200), page("http://a/x", 404), failure(), interrupted}, 1250ms, 50, true};
}

}  // namespace

TEST(TextLine, TellsStatusSizeTimeAndUrl) {
  EXPECT_EQ(app::text_line(page("http://a/", 200)), "200   1.2 kB     12 ms  http://a/\n");
  EXPECT_EQ(app::text_line(page("http://a/", 404)), "404   1.2 kB     12 ms  http://a/  Not Found\n");
}

TEST(TextLine, TellsWhatFailedAndHowOftenItWasTried) {
  EXPECT_EQ(app::text_line(failure()),
            "---        -    1.00 s  http://127.0.0.1:81/  connect 127.0.0.1:81: connection refused  (3 attempts)\n");
}

TEST(TextLine, ColoursOnlyIfAskedTo) {
  EXPECT_EQ(app::text_line(page("http://a/", 200), true).substr(0, 12), "\x1b[32m200\x1b[0m");
  EXPECT_EQ(app::text_line(failure(), true).substr(0, 12), "\x1b[31m---\x1b[0m");
}

TEST(SummaryLine, CountsWhatSucceededFailedAndWasInterrupted) {
  EXPECT_EQ(app::summary_line(three()),
            "4 requests in 1.25 s, 50 at a time: 1 ok, 2 failed, 2.5 kB; interrupted, 1 not done\n");
}

TEST(Json, DocumentHoldsAllResultsInOrder) {
  const json document = json::parse(app::json_document(three()));
  ASSERT_EQ(document["results"].size(), 4U);
  EXPECT_EQ(document["results"][0]["url"], "http://a/");
  EXPECT_EQ(document["results"][0]["ok"], true);
  EXPECT_EQ(document["results"][0]["status"], 200);
  EXPECT_EQ(document["results"][0]["error"], nullptr);
  EXPECT_DOUBLE_EQ(document["results"][0]["time"], 0.012);
  EXPECT_EQ(document["results"][1]["ok"], false);
  EXPECT_EQ(document["results"][2]["status"], nullptr);
  EXPECT_EQ(document["results"][2]["error"]["type"], "ClientConnectorError");
  EXPECT_EQ(document["results"][2]["error"]["kind"], "refused");
  EXPECT_EQ(document["results"][2]["attempts"], 3);
  EXPECT_EQ(document["results"][3]["error"]["kind"], "interrupted");
  EXPECT_EQ(document["summary"]["requests"], 4);
  EXPECT_EQ(document["summary"]["ok"], 1);
  EXPECT_EQ(document["summary"]["failed"], 2);
  EXPECT_EQ(document["summary"]["not_done"], 1);
  EXPECT_EQ(document["summary"]["interrupted"], true);
}

TEST(Json, SumsUpThePhases) {
  app::FetchResult result = page("http://a/", 200);
  result.spans = {{app::Phase::wait, 0ms, 1ms}, {app::Phase::connect, 1ms, 3ms}, {app::Phase::wait, 3ms, 7ms}};
  const json line = json::parse(app::json_line(result));
  EXPECT_DOUBLE_EQ(line["phases"]["wait"], 0.005);
  EXPECT_DOUBLE_EQ(line["phases"]["connect"], 0.002);
  EXPECT_DOUBLE_EQ(line["phases"]["receive"], 0);
}

TEST(Json, LineIsOneLineWhateverTheTextsHold) {
  app::FetchResult result = page("http://a/\n\xff\"", 200);
  const std::string line = app::json_line(result);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(json::parse(line)["url"], "http://a/\n\uFFFD\"");
}

TEST(Progress, FitsTheTerminal) {
  const app::ProgressCount count{200, 100, 3, 4500, 1200ms};
  EXPECT_EQ(app::progress_words(count), "100 of 200 done, 3 failed, 4.5 kB, 1.20 s");
  EXPECT_EQ(app::progress_bar(count, 54, false), "[#####.....] 100 of 200 done, 3 failed, 4.5 kB, 1.20 s");
  EXPECT_EQ(app::progress_bar(count, 41, false), "100 of 200 done, 3 failed, 4.5 kB, 1.20 s");
  EXPECT_EQ(app::progress_bar(count, 10, false), "100 of 2..");
}
