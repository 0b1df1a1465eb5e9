// SPDX-License-Identifier: MIT
#include <tutti/http/message.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace tutti::http {
namespace {

TEST(Message, KnowsReasonPhrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(299), "");
}

TEST(Message, KnowsWhichStatusHasABody) {
  for (const int status : {100, 101, 103, 199, 204, 304}) EXPECT_FALSE(status_allows_body(status)) << status;
  for (const int status : {200, 203, 205, 206, 303, 305, 404, 500}) EXPECT_TRUE(status_allows_body(status)) << status;
}

TEST(Message, ExpectsContinueOnlyInHttp11) {
  RequestHead head{.headers = {{"Expect", "100-Continue"}}};
  EXPECT_TRUE(expects_continue(head));
  head.version = Version::http10;
  EXPECT_FALSE(expects_continue(head));
}

TEST(Message, WritesDatesAsHttpWantsThem) {
  using namespace std::chrono;
  EXPECT_EQ(http_date(system_clock::time_point(seconds(784111777))), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(system_clock::time_point()), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(system_clock::time_point(seconds(951782399) + milliseconds(999))),
            "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(http_date(system_clock::time_point(seconds(951782400))), "Tue, 29 Feb 2000 00:00:00 GMT");
}

}  // namespace
}  // namespace tutti::http
