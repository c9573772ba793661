# The rooms of the house, in the order in which they may include one another (docs/architecture.md).
set(EQUIBOLT_ROOMS core chemistry io system analyze simulate transport egnn flow train config observables runs molecules report)

# One room: the static library equibolt_<room> of src/<room>/*.cc, with the unit tests (*_test.cc) as the program
# test_<room> and the benchmarks (*_bench.cc) as bench_<room>, lying beside the sources.
#
#   equibolt_room(<room> [USES <room or target>...] [TEST_USES <room or target>...])
#
# USES names the rooms below and outside libraries; a room links only what it names.

# How this project itself is compiled; those who link it get none of it.
add_library(equibolt_flags INTERFACE)
# Warnings of GCC 12's optimiser about its own library, which come and go with what is inlined, stop no build.
set(optimiser_warnings -Wno-error=array-bounds -Wno-error=maybe-uninitialized -Wno-error=restrict -Wno-error=stringop-overflow)
target_compile_options(equibolt_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow $<$<BOOL:${EQUIBOLT_WERROR}>:-Werror>
                                                 "$<$<CXX_COMPILER_ID:GNU>:${optimiser_warnings}>"
                                                 -ffp-contract=off)
target_include_directories(equibolt_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
function(equibolt_sanitizers compile link)
  target_compile_options(equibolt_flags INTERFACE -fsanitize=${compile} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(equibolt_flags INTERFACE -fsanitize=${link})
endfunction()
if(EQUIBOLT_SANITIZE)
  equibolt_sanitizers(address,undefined address,undefined)
endif()
if(EQUIBOLT_TSAN)
  equibolt_sanitizers(thread thread)
endif()
if(EQUIBOLT_FUZZ)
  equibolt_sanitizers(fuzzer-no-link,address,undefined address,undefined)
endif()

# With EQUIBOLT_PCH, headers that most files include are parsed once for all rooms. Off by default: a file that forgets one of
# these includes would compile.
if(EQUIBOLT_PCH)
  set(common <algorithm> <array> <cmath> <filesystem> <functional> <limits> <map> <memory> <optional> <span> <string> <vector>
             <fmt/format.h> <nlohmann/json.hpp>)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch.cc CONTENT "")
  foreach(kind rooms tests)
    add_library(equibolt_pch_${kind} OBJECT ${CMAKE_BINARY_DIR}/pch.cc)
    target_link_libraries(equibolt_pch_${kind} PRIVATE equibolt_flags fmt::fmt nlohmann_json::nlohmann_json Threads::Threads)
  endforeach()
  target_precompile_headers(equibolt_pch_rooms PRIVATE ${common})
  if(EQUIBOLT_TESTS)
    target_link_libraries(equibolt_pch_tests PRIVATE GTest::gtest_main GTest::gmock)
    target_precompile_headers(equibolt_pch_tests PRIVATE ${common} <gmock/gmock.h> <gtest/gtest.h>)
  endif()
endif()
function(equibolt_precompiled target kind)
  if(EQUIBOLT_PCH)
    target_precompile_headers(${target} REUSE_FROM equibolt_pch_${kind})
  endif()
endfunction()

function(equibolt_room room)
  cmake_parse_arguments(ROOM "" "" "USES;TEST_USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  set(benchmarks ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benchmarks INCLUDE REGEX "_bench\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|/main)\\.cc$")
  foreach(names ROOM_USES ROOM_TEST_USES)
    foreach(other ${EQUIBOLT_ROOMS})
      string(REGEX REPLACE "(^|;)${other}(;|$)" "\\1equibolt_${other}\\2" ${names} "${${names}}")
    endforeach()
  endforeach()

  set(library equibolt_${room})
  add_library(${library} STATIC ${sources})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${room})
  target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:equibolt_flags> PUBLIC ${ROOM_USES})
  equibolt_precompiled(${library} rooms)
  if(EQUIBOLT_INSTALL AND NOT room STREQUAL report)  # the program's alone
    install(TARGETS ${library} EXPORT equibolt ARCHIVE COMPONENT library)
  endif()

  if(EQUIBOLT_TESTS AND tests)
    add_executable(test_${room} ${tests})
    target_link_libraries(test_${room} PRIVATE equibolt_flags ${library} ${ROOM_TEST_USES} GTest::gtest_main GTest::gmock)
    equibolt_precompiled(test_${room} tests)
    target_compile_definitions(test_${room} PRIVATE EQUIBOLT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${room} COMMAND test_${room})
  endif()
  if(EQUIBOLT_BENCHMARKS AND benchmarks)
    add_executable(bench_${room} ${benchmarks})
    target_link_libraries(bench_${room} PRIVATE equibolt_flags ${library} ${ROOM_TEST_USES} benchmark::benchmark_main)
  endif()
endfunction()
