# SPDX-License-Identifier: MIT
# Passes when SOURCE does not compile and the compiler says what the file's line `// error: REGEX` tells, and when the
# same file compiles with -DTUTTI_CORRECT, which takes the mistake out.
#   cmake -DCXX=… -DINCLUDE=… -DSOURCE=… -P must_not_compile.cmake
file(STRINGS ${SOURCE} line REGEX "^// error: " LIMIT_COUNT 1)
string(REGEX REPLACE "^// error: " "" expected "${line}")
set(command ${CXX} -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I${INCLUDE} ${SOURCE})

execute_process(COMMAND ${command} RESULT_VARIABLE failed ERROR_VARIABLE said)
if(NOT failed)
  message(FATAL_ERROR "${SOURCE} compiles")
elseif(NOT expected OR NOT said MATCHES "${expected}")
  message(FATAL_ERROR "${SOURCE} fails, but not with `${expected}`:\n${said}")
endif()
execute_process(COMMAND ${command} -DTUTTI_CORRECT RESULT_VARIABLE failed ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "${SOURCE} fails without its mistake too:\n${said}")
endif()
