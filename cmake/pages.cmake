# The files of the live page (web/) are carried inside the program: a small program of the build turns
# them into a C source, ${pages_data}; server/pages.c finds them.
file(GLOB_RECURSE page_files RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/web CONFIGURE_DEPENDS
     web/*.html web/*.css web/*.js web/*.svg web/*.png web/*.webmanifest)
list(TRANSFORM page_files PREPEND web/ OUTPUT_VARIABLE page_sources)

add_executable(embed_pages cmake/embed_pages.c)
target_link_libraries(embed_pages PRIVATE PkgConfig::DEPS)
set_target_properties(embed_pages PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                      ${CMAKE_CURRENT_BINARY_DIR}/cmake)

set(pages_data ${CMAKE_CURRENT_BINARY_DIR}/cmake/pages_data.c)
add_custom_command(OUTPUT ${pages_data}
                   COMMAND embed_pages ${pages_data} ${CMAKE_CURRENT_SOURCE_DIR}/web ${page_files}
                   DEPENDS embed_pages ${page_sources} VERBATIM)
