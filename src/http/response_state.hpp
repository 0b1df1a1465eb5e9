// SPDX-License-Identifier: MIT
// What the handles of a client's response share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/http/client_response.hpp>

#include "exchange.hpp"

namespace tutti::http::detail {

struct ResponseState {
  ResponseState(PoolSlot slot, RequestInfo info, std::shared_ptr<Pool> pool, Url request_url)
      : exchange(std::move(slot), std::move(info), std::move(pool)), url(std::move(request_url)) {}

  Exchange exchange;
  ResponseHead head;
  Url url;
  std::vector<ClientResponse> history;
  BodyStream content{exchange};
  std::optional<std::string> body;  // once it was read whole
  std::uint64_t max_read_size = 0;
};

}  // namespace tutti::http::detail
