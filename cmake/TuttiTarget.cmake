# SPDX-License-Identifier: MIT
# Functions that the targets of this tree are made with.
include(GNUInstallDirs)

# Sets `result` to the .cpp files below `folder`; new ones are found without a new configuration.
function(tutti_sources result folder)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# Our warnings, for our own code only.
function(tutti_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wpedantic)
  if(TUTTI_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# Whether frames come from the system: under a sanitizer that is to see each of them, asked for by TUTTI_SANITIZE or by the flags of
# the project that this one is a part of. See include/tutti/base/frame_pool.hpp.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("
  #if defined(__SANITIZE_ADDRESS__)
  int main() {}
  #elif defined(__has_feature)
  #if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
  int main() {}
  #endif
  #endif" TUTTI_FLAGS_SANITIZE_MEMORY)
if(TUTTI_FLAGS_SANITIZE_MEMORY OR TUTTI_SANITIZE MATCHES "address|memory")
  set(TUTTI_SYSTEM_FRAMES ON)
else()
  set(TUTTI_SYSTEM_FRAMES OFF)
endif()

# What the libraries have in common. `export_name` is the name after `tutti::` for those who find the package.
function(tutti_configure_library target export_name)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  # Until 1.0 each minor version may change the ABI.
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${export_name} CXX_EXTENSIONS OFF
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  tutti_warnings(${target})
  if(TUTTI_SYSTEM_FRAMES)
    target_compile_definitions(${target} PUBLIC TUTTI_SYSTEM_FRAMES)
  endif()
  if(TUTTI_SANITIZE)
    # Whatever links a sanitized library must be sanitized too; an installed one says nothing about it.
    # Not vptr: it opens a pipe to look at an object's type, and fails where the tests leave a process no descriptor.
    string(REPLACE ";" "," sanitizers "${TUTTI_SANITIZE}")
    target_compile_options(${target} PUBLIC
      $<BUILD_INTERFACE:-fsanitize=${sanitizers}> $<BUILD_INTERFACE:-fno-sanitize=vptr>
      $<BUILD_INTERFACE:-fno-sanitize-recover=all> $<BUILD_INTERFACE:-fno-omit-frame-pointer>)
    target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${sanitizers}>)
  endif()
endfunction()

# An executable of this tree, linked with the library.
function(tutti_add_executable target)
  add_executable(${target} ${ARGN})
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE tutti::tutti)
  tutti_warnings(${target})
endfunction()
