# What `cmake --install` puts where, and the packages that CPack makes of it (docs/install.md).
#
# Two components: `program` (the executable, its man page, completions, networks) and `library` (the public headers of
# include/, the rooms as static libraries, and what find_package(equibolt) reads).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(equibolt_library INTERFACE)
set_target_properties(equibolt_library PROPERTIES EXPORT_NAME equibolt)
target_link_libraries(equibolt_library INTERFACE runs)
target_include_directories(equibolt_library INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                                      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(equibolt_library INTERFACE cxx_std_20)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/equibolt)
install(TARGETS equibolt_library EXPORT equibolt)
install(EXPORT equibolt NAMESPACE equibolt:: DESTINATION ${package_dir} FILE equiboltTargets.cmake COMPONENT library)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/equiboltConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/equiboltConfig.cmake ${CMAKE_BINARY_DIR}/equiboltConfigVersion.cmake DESTINATION ${package_dir}
        COMPONENT library)
install(DIRECTORY include/equibolt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(FILES examples/own_energy.cc DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT library)

install(TARGETS equibolt RUNTIME COMPONENT program)
install(DIRECTORY models DESTINATION ${CMAKE_INSTALL_DATADIR}/equibolt COMPONENT program)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES ${CMAKE_BINARY_DIR}/manual/equibolt.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES ${CMAKE_BINARY_DIR}/manual/equibolt DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        COMPONENT program)
install(FILES ${CMAKE_BINARY_DIR}/manual/_equibolt DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
        COMPONENT program)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The equibolt developers <equibolt@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Boltzmann generators: from a target energy to equilibrium samples")
set(CPACK_PACKAGE_DESCRIPTION "Trains equivariant flows by flow matching and draws independent, reweighted samples
 of the Boltzmann distribution of a many-body system, with exact densities and free energies.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME equibolt)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS gnuplot-nox)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libequibolt-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS "libhwy-dev, libeigen3-dev, libtomlplusplus-dev, libfmt-dev, nlohmann-json3-dev,\
 libzip-dev, zlib1g-dev, libexpat1-dev, pkg-config")
foreach(kind OPENMM XTB)  # found by src/system/chemistry.cmake
  string(TOLOWER ${kind} name)
  if(${kind}_LIBRARY)
    string(APPEND CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS ", lib${name}-dev")
  endif()
endforeach()
include(CPack)
