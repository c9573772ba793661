# What `cmake --install` puts where, and the packages that CPack makes of it (docs/install.md).
#
# Two components: `program` (the executable, its man page, completions, networks) and `library` (the public headers of
# include/, the rooms as static libraries, and what find_package(equibolt) reads).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/equibolt)
install(TARGETS equibolt_library EXPORT equibolt)
install(EXPORT equibolt NAMESPACE equibolt:: DESTINATION ${package_dir} FILE equiboltTargets.cmake COMPONENT library)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/equiboltConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/equiboltConfig.cmake.in ${PROJECT_BINARY_DIR}/equiboltConfig.cmake @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/equiboltConfig.cmake ${PROJECT_BINARY_DIR}/equiboltConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT library)
install(DIRECTORY include/equibolt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(FILES examples/own_energy.cc DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT library)

install(TARGETS equibolt RUNTIME COMPONENT program)
install(DIRECTORY models surrogates DESTINATION ${CMAKE_INSTALL_DATADIR}/equibolt COMPONENT program)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
# Licences of what is compiled in, where Debian wants them: one for each package.
install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/equibolt COMPONENT program)
install(FILES cmake/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libequibolt-dev COMPONENT library)
if(NOT CMAKE_CROSSCOMPILING)  # written by the program itself
  install(FILES ${PROJECT_BINARY_DIR}/manual/equibolt.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
  install(FILES ${PROJECT_BINARY_DIR}/manual/equibolt DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
          COMPONENT program)
  install(FILES ${PROJECT_BINARY_DIR}/manual/_equibolt DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
          COMPONENT program)
endif()

set(CPACK_GENERATOR DEB)
# Who makes a package answers for it; Debian's tools read the same variables.
if(DEFINED ENV{DEBEMAIL})
  set(maintainer "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
else()
  set(maintainer "equibolt, built locally <root@localhost>")
endif()
set(EQUIBOLT_MAINTAINER "${maintainer}" CACHE STRING "Maintainer of the Debian packages: NAME <ADDRESS>")
set(CPACK_PACKAGE_CONTACT "${EQUIBOLT_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Boltzmann generators: from a target energy to equilibrium samples")
set(CPACK_PACKAGE_DESCRIPTION "Trains equivariant flows by flow matching and draws independent, reweighted samples
 of the Boltzmann distribution of a many-body system, with exact densities and free energies.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
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
