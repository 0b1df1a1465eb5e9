// SPDX-License-Identifier: MIT
// All of Tutti's HTTP: client and server. JSON needs <tutti/http/json.hpp> besides.
#pragma once

#include <tutti/http/client.hpp>
#include <tutti/http/client_response.hpp>
#include <tutti/http/errors.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/request.hpp>
#include <tutti/http/response.hpp>
#include <tutti/http/router.hpp>
#include <tutti/http/server.hpp>
#include <tutti/http/url.hpp>
