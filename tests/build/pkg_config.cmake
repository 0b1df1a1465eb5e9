# SPDX-License-Identifier: MIT
# Compiles, links and runs a program with what pkg-config says about the installed library.
#   cmake -DPREFIX=… -DLIBDIR=… -DCXX=… [-DFLAGS=…] -DSOURCE=… -DPROGRAM=… -P pkg_config.cmake
set(ENV{PKG_CONFIG_PATH} ${PREFIX}/${LIBDIR}/pkgconfig)
execute_process(COMMAND pkg-config --cflags --libs tutti
  OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND ${CXX} -std=c++20 ${FLAGS} ${SOURCE} -o ${PROGRAM} ${flags} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
set(ENV{LD_LIBRARY_PATH} ${PREFIX}/${LIBDIR})
execute_process(COMMAND ${PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
