#!/usr/bin/env python3
"""A project that has equibolt in a folder of its own, and targets and a build type of its own, configures and builds.

Usage: subdirectory_test.py
"""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = f"""cmake_minimum_required(VERSION 3.25)
project(outer LANGUAGES CXX)
add_library(core INTERFACE)
add_library(io INTERFACE)
add_library(system INTERFACE)
add_subdirectory({ROOT} equibolt)
add_executable(outer outer.cc)
target_link_libraries(outer PRIVATE equibolt::equibolt)
get_target_property(flags equibolt_library INTERFACE_COMPILE_OPTIONS)
if(flags)
  message(FATAL_ERROR "those who link equibolt get its flags: ${{flags}}")
endif()
foreach(name test_core bench_egnn)
  if(TARGET ${{name}})
    message(FATAL_ERROR "${{name}} is built in another project")
  endif()
endforeach()
"""
PROGRAM = """#include <equibolt/error.h>
int main() { int shadow = 0; { int shadow = 1; (void)shadow; } return shadow; }
"""


def call(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "CMakeLists.txt").write_text(PROJECT)
        (folder / "outer.cc").write_text(PROGRAM)
        build = folder / "build"
        call("cmake", "-S", folder, "-B", build, "-G", "Ninja", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
        # The whole library takes minutes; one file of it and what the linking program is compiled with are enough.
        call("ninja", "-C", build, "CMakeFiles/outer.dir/outer.cc.o", "equibolt/src/core/CMakeFiles/equibolt_core.dir/hash.cc.o")
        told = call("ninja", "-C", build, "-t", "commands", "CMakeFiles/outer.dir/outer.cc.o")
        line = next(line for line in told.splitlines() if "outer.cc.o -c" in line)
        assert "-Wshadow" not in line and "-O" not in line.replace("-o", ""), line
        assert f"{ROOT}/include" in line and f"-I{ROOT}/src" not in line, line
    print("built as a folder of another project")


if __name__ == "__main__":
    main()
