# SPDX-License-Identifier: MIT
# What a plain `cmake -B build` of this tree gets. Not read when Tutti is part of another project.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(TUTTI_CCACHE ccache)
mark_as_advanced(TUTTI_CCACHE)
if(TUTTI_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TUTTI_CCACHE})
endif()

if(TUTTI_BUILD_TESTS)
  set(TUTTI_NEED_GTEST REQUIRED)
endif()
