# The kernels for NVIDIA GPUs, optional (preset `cuda`): cuda_absent.cc has the same signatures. By a command of our own, as
# CMake 3.25 cannot ask nvcc 13 for C++20.
function(equibolt_cuda library)
  if(NOT EQUIBOLT_CUDA)
    return()
  endif()
  find_package(CUDAToolkit REQUIRED)
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cuda_absent.cc PROPERTIES HEADER_FILE_ONLY TRUE)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/cuda/cuda_vector_field.cu)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/cuda_vector_field.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CUDAToolkit_NVCC_EXECUTABLE} -std=c++20 -O3 -ccbin ${CMAKE_CXX_COMPILER}
            --generate-code=arch=compute_90,code=[sm_90,compute_90] --split-compile=0 --expt-relaxed-constexpr
            -DFMT_USE_CONSTEXPR=1 -Xcompiler=-Wall,-Wextra,-fPIC -I ${PROJECT_SOURCE_DIR}/src -I ${PROJECT_SOURCE_DIR}/include
            -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "Compiling the CUDA kernels (minutes)"
    VERBATIM)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_sources(${library} PRIVATE ${object})
  target_link_libraries(${library} PUBLIC CUDA::cudart_static)
endfunction()
