# What only a Debian package holds beside `make install`, and the package itself (`make deb`): the
# systemd unit, completions, and the Python package by which the original's commands run this program.
if(IDENTIFY_PACKAGE)
  install(FILES packaging/dlf-identify.service DESTINATION lib/systemd/system)
  install(FILES packaging/default DESTINATION /etc/default RENAME dlf-identify)
  install(DIRECTORY packaging/data_label_factory DESTINATION lib/python3/dist-packages
          PATTERN __pycache__ EXCLUDE)
  install(FILES packaging/dlf-identify.bash DESTINATION share/bash-completion/completions
          RENAME dlf-identify)
  install(FILES packaging/_dlf-identify DESTINATION share/zsh/vendor-completions)
  install(FILES packaging/dlf-identify.fish DESTINATION share/fish/vendor_completions.d)
  install(FILES LICENSE DESTINATION share/doc/dlf-identify RENAME copyright)
  install(DIRECTORY data/example DESTINATION share/dlf-identify)

  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME dlf-identify)
  set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
  set(CPACK_PACKAGE_CONTACT "The dlf-identify maintainers <maintainers@localhost>")
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "says which of your things a picture shows")
  set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
      "One picture of each thing becomes an index; photographs and camera frames are then\n named, by a program, an HTTP service and a live page. No training, no downloads.")
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  # loaded when they are needed, so that nothing links to them
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libcurl4, liblcms2-2")
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libheif1, ca-certificates")
  set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3")
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/packaging/conffiles)
  set(CPACK_INSTALL_PREFIX /usr)
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
  set(CPACK_SET_DESTDIR ON)
  set(CPACK_STRIP_FILES ON)
  include(CPack)
endif()
