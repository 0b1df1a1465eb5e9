// SPDX-License-Identifier: MIT
// `tutti demo`: all goes as it should, and it shows it.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "command.hpp"
#include "format.hpp"

using namespace apps_test;

TEST(Demo, FetchesBothWaysAndShowsTheErrors) {
  const ScratchDirectory directory;
  const RunResult result =
      tutti_command({"demo", "--pages", "20", "--output", directory.path()}, {.environment = {"LC_ALL=C"}});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  for (const char* part :
       {"one after another:", "50 at a time:", "times as fast", "connection refused", "timed out",
        "500 Internal Server Error", "ClientPayloadError", "InvalidUrlClientError", "max 1", "max 20"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(result.out.find("UNEXPECTED"), std::string::npos) << result.out;
  for (const char* name : {"sequential.svg", "concurrent.svg", "errors.svg"}) {
    EXPECT_TRUE(read_file(directory / name).ends_with("</svg>\n")) << name;
  }
}

TEST(Demo, FitsATerminalOf100Columns) {
  const ScratchDirectory directory;
  const RunResult result =
      tutti_command({"demo", "--pages", "5", "-o", directory.path()}, {.environment = {"LC_ALL=C.UTF-8"}});
  for (const std::string& line : lines_of(result.out)) {
    if (line.starts_with("  ") || line.starts_with("The timelines"))
      continue;  // messages and paths, as long as they are
    EXPECT_LE(tutti::app::columns(line), 100U) << line;
  }
}

TEST(Demo, CtrlCEndsIt) {
  const ScratchDirectory directory;
  Process process(with_command({"demo", "-o", directory.path()}));
  ASSERT_NE(process.read_line_with("beside the client"), "");
  process.send_signal(SIGINT);
  const RunResult result = process.wait();
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.exit_code, 130) << result.out << result.err;
}
