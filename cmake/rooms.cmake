# One room of the house: a static library of src/<room>/*.cc, with the unit tests (*_test.cc) as the
# program test_<room> and the benchmarks (*_bench.cc) as bench_<room>, lying beside the sources.
#
#   equibolt_room(<room> [USES <room or target>...] [TEST_USES <room or target>...])
#
# USES names the rooms below and outside libraries; a room links only what it names.

add_library(equibolt_flags INTERFACE)
target_compile_options(equibolt_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror
                                                 -ffp-contract=off)
target_include_directories(equibolt_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
if(EQUIBOLT_SANITIZE)
  target_compile_options(equibolt_flags INTERFACE -fsanitize=address,undefined
                                                   -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(equibolt_flags INTERFACE -fsanitize=address,undefined)
endif()
if(EQUIBOLT_FUZZ)
  target_compile_options(equibolt_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                                                   -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(equibolt_flags INTERFACE -fsanitize=address,undefined)
endif()

function(equibolt_room room)
  cmake_parse_arguments(ROOM "" "" "USES;TEST_USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  set(benchmarks ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benchmarks INCLUDE REGEX "_bench\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|/main)\\.cc$")

  if(NOT sources)  # not furnished yet
    add_library(${room} INTERFACE)
    return()
  endif()
  add_library(${room} STATIC ${sources})
  set_target_properties(${room} PROPERTIES OUTPUT_NAME equibolt_${room})
  target_link_libraries(${room} PUBLIC $<BUILD_INTERFACE:equibolt_flags> ${ROOM_USES})
  install(TARGETS ${room} EXPORT equibolt ARCHIVE COMPONENT library)

  if(EQUIBOLT_TESTS AND tests)
    add_executable(test_${room} ${tests})
    target_link_libraries(test_${room} PRIVATE ${room} ${ROOM_TEST_USES} GTest::gtest_main)
    target_compile_definitions(test_${room} PRIVATE EQUIBOLT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${room} COMMAND test_${room})
  endif()
  if(EQUIBOLT_BENCHMARKS AND benchmarks)
    add_executable(bench_${room} ${benchmarks})
    target_link_libraries(bench_${room} PRIVATE ${room} ${ROOM_TEST_USES} benchmark::benchmark_main)
  endif()
endfunction()
