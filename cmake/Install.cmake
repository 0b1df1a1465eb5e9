# SPDX-License-Identifier: MIT
# `cmake --install`: headers, libraries, the command, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tutti)

install(DIRECTORY include/tutti DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS tutti EXPORT tuttiTargets)
install(EXPORT tuttiTargets NAMESPACE tutti:: DESTINATION ${package_dir})
if(TARGET tutti_testing)
  install(TARGETS tutti_testing EXPORT tuttiTestingTargets)
  install(EXPORT tuttiTestingTargets NAMESPACE tutti:: DESTINATION ${package_dir})
endif()
if(TARGET tutti_command)
  install(TARGETS tutti_command)
endif()

get_target_property(library_type tutti TYPE)
if(library_type STREQUAL "STATIC_LIBRARY")
  set(TUTTI_IS_STATIC ON)
else()
  set(TUTTI_IS_STATIC OFF)
endif()
configure_package_config_file(cmake/tuttiConfig.cmake.in tuttiConfig.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(tuttiConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tuttiConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/tuttiConfigVersion.cmake
  cmake/TuttiCompiler.cmake DESTINATION ${package_dir})

# The static library needs what it is made of named at the user's link line; the shared one knows it by itself.
if(TUTTI_IS_STATIC)
  set(TUTTI_PC_REQUIRES "liburing nlohmann_json openssl")
  set(TUTTI_PC_LIBS "-lboost_url -pthread")
else()
  set(TUTTI_PC_REQUIRES "nlohmann_json")
  set(TUTTI_PC_LIBS "-pthread")
endif()
# Relative to the file itself, so that an installation can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE TUTTI_PC_LIBDIR)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE TUTTI_PC_INCLUDEDIR)
set(TUTTI_PC_DEFINITIONS "")
if(TUTTI_SYSTEM_FRAMES)
  set(TUTTI_PC_DEFINITIONS " -DTUTTI_SYSTEM_FRAMES")
endif()
configure_file(cmake/tutti.pc.in tutti.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tutti.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
