# make install: the program, both libraries, the public headers, the pkg-config file, man pages.
# Who links the static library names what it needs itself. Not Requires.private: that would ask for
# those libraries' headers from everybody.
string(JOIN " " pc_private ${DEPS_LDFLAGS})
# Seen from the pkg-config file itself, so that --prefix, DESTDIR and a moved folder all hold.
file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
set(pc_prefix "\${pcfiledir}/${pc_to_prefix}")
configure_file(cmake/identify.pc.in identify.pc @ONLY)

install(TARGETS dlf-identify identify_static)
if(IDENTIFY_SHARED)
  install(TARGETS identify_shared)
endif()
# The names under which the original's program is called.
foreach(name data_label_factory data_label_factory.identify)
  install(CODE "file(CREATE_LINK dlf-identify \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/${name}\" SYMBOLIC)")
endforeach()
install(DIRECTORY projects DESTINATION ${CMAKE_INSTALL_DATADIR}/dlf-identify)
install(DIRECTORY include/identify DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/identify.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(GLOB man_pages CONFIGURE_DEPENDS docs/man/*.1)
install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
