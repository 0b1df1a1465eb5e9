// SPDX-License-Identifier: MIT
// Fetches a page again and again with libcurl's multi interface (curl_multi_poll), so many at a time on connections that are kept.
//   client_curl PORT PATH COUNT AT_ONCE BYTES
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "../usage.hpp"

namespace {

std::size_t take(char* /*bytes*/, std::size_t size, std::size_t count, void* received) {
  *static_cast<std::size_t*>(received) += size * count;
  return size * count;
}

class Client {
 public:
  Client(const std::string& url, std::size_t at_once, std::size_t bytes)
      : multi_(::curl_multi_init()), received_(at_once), bytes_(bytes) {
    ::curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(2 * at_once));
    for (std::size_t& received : received_) {
      CURL* transfer = transfers_.emplace_back(::curl_easy_init());
      ::curl_easy_setopt(transfer, CURLOPT_URL, url.c_str());
      ::curl_easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L);
      ::curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, take);
      ::curl_easy_setopt(transfer, CURLOPT_WRITEDATA, &received);
      ::curl_easy_setopt(transfer, CURLOPT_PRIVATE, &received);
    }
  }

  void fetch(std::uint64_t count) {
    left_ = count;
    under_way_ = 0;
    for (CURL* transfer : transfers_) start(transfer);
    while (under_way_ != 0) {
      int running = 0;
      ::curl_multi_perform(multi_, &running);
      take_ended();
      if (under_way_ != 0) ::curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
  }

 private:
  void start(CURL* transfer) {
    if (left_ == 0) return;
    --left_;
    ++under_way_;
    ::curl_multi_add_handle(multi_, transfer);
  }

  void take_ended() {
    int queued = 0;
    while (CURLMsg* message = ::curl_multi_info_read(multi_, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* transfer = message->easy_handle;
      long status = 0;
      std::size_t* received = nullptr;
      ::curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
      ::curl_easy_getinfo(transfer, CURLINFO_PRIVATE, reinterpret_cast<char**>(&received));
      if (message->data.result != CURLE_OK || status != 200 || *received != bytes_) bench::stop("the page is wrong");
      *received = 0;
      ::curl_multi_remove_handle(multi_, transfer);
      --under_way_;
      start(transfer);
    }
  }

  CURLM* multi_;
  std::vector<CURL*> transfers_;
  std::vector<std::size_t> received_;
  std::size_t bytes_;
  std::uint64_t left_ = 0;
  std::size_t under_way_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 6) bench::stop("usage: client_curl PORT PATH COUNT AT_ONCE BYTES");
  const auto number = [&](int index) { return std::strtoull(arguments[index], nullptr, 10); };
  ::curl_global_init(CURL_GLOBAL_ALL);
  Client client(std::string("http://127.0.0.1:") + arguments[1] + arguments[2], number(4), number(5));
  client.fetch(2 * number(4));  // warm-up
  const bench::Usage usage;
  client.fetch(number(3));
  usage.tell(number(3));
}
