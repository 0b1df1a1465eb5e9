// SPDX-License-Identifier: MIT
// JSON in requests and responses, by nlohmann::json. A header of its own, since that library takes long to compile.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <tutti/http/body.hpp>
#include <tutti/http/errors.hpp>

namespace tutti::http {

using Json = nlohmann::json;

/// Each type that converts to and from nlohmann::json: values, containers, and structs with `NLOHMANN_DEFINE_TYPE_…`.
template <class T>
struct JsonCodec {
  [[nodiscard]] static std::string encode(const T& value) {
    try {
      return Json(value).dump();
    } catch (const Json::exception& error) {
      throw JsonError(error.what());
    }
  }
  [[nodiscard]] static T decode(std::string_view text) {
    try {
      return Json::parse(text).template get<T>();
    } catch (const Json::exception& error) {
      throw JsonError(error.what());
    }
  }
};

template <>
struct JsonCodec<AnyJson> : JsonCodec<Json> {};

}  // namespace tutti::http
