// SPDX-License-Identifier: MIT
// The smallest program that needs the headers and the compiled library.
#include <cerrno>
#include <cstdio>

#include <tutti/base/error.hpp>

int main() { std::puts(tutti::describe(tutti::make_os_error(ECONNREFUSED, "connect 127.0.0.1:81")).c_str()); }
