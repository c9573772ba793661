# equibolt::equibolt, what other projects link: the public headers and the rooms behind them.
add_library(equibolt_library INTERFACE)
add_library(equibolt::equibolt ALIAS equibolt_library)
set_target_properties(equibolt_library PROPERTIES EXPORT_NAME equibolt)
target_link_libraries(equibolt_library INTERFACE equibolt_runs)
target_include_directories(equibolt_library INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                      $<INSTALL_INTERFACE:include>)
target_compile_features(equibolt_library INTERFACE cxx_std_20)
