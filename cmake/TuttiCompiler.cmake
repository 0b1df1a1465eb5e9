# SPDX-License-Identifier: MIT
# Refuses compilers that turn correct coroutine code into wrong programs. Installed beside the package configuration as well,
# since the code that suffers is in the coroutines of whoever uses the library.
string(CONCAT TUTTI_COMPILER_REMEDY
  "Install clang-19 (Debian: apt-get install clang-19; in this tree scripts/setup does it) and configure a fresh build "
  "directory, or name a compiler: -DCMAKE_CXX_COMPILER=clang++-19")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "Tutti needs GCC 13 or newer; this is GCC ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}).\n"
    "GCC before 13 miscompiles coroutines, without a warning: temporaries in an awaited expression, such as options "
    "given as designated initialisers, are destroyed twice, and the body of a coroutine may never run.\n"
    "${TUTTI_COMPILER_REMEDY}")
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR
    "Tutti needs Clang 16 or newer; this is ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}), which lacks parts of C++20.\n"
    "${TUTTI_COMPILER_REMEDY}")
elseif(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(WARNING "Tutti is tested with Clang and GCC only; this is ${CMAKE_CXX_COMPILER_ID}.")
endif()
unset(TUTTI_COMPILER_REMEDY)
