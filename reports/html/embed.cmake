# SPDX-License-Identifier: Apache-2.0
# Makes the C++ source that holds the pages: each template with its fragments, the style and the script in place, and
# the script's hash for the Content-Security-Policy, so that no other script runs in a page.
#   cmake -DSOURCE=<folder of the assets> -DOUTPUT=<file.cc> -P embed.cmake
file(READ ${SOURCE}/report.css style)
file(READ ${SOURCE}/charts.css charts)
string(APPEND style "${charts}")
file(READ ${SOURCE}/report.js script)

# A double brace would start a tag of the template.
foreach(asset style script)
  string(FIND "${${asset}}" "{{" brace)
  if(NOT brace EQUAL -1)
    message(FATAL_ERROR "the ${asset} of the report holds a double brace at byte ${brace}")
  endif()
endforeach()

# The policy wants the SHA-256 in base64, CMake gives it in hexadecimal: three bytes are four characters.
string(SHA256 digest "${script}")
set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
string(APPEND digest 00)  # 32 bytes and one of padding
set(base64 "")
foreach(group RANGE 0 10)
  math(EXPR at "${group} * 6")
  string(SUBSTRING ${digest} ${at} 6 bytes)
  foreach(shift 18 12 6 0)
    math(EXPR index "(0x${bytes} >> ${shift}) & 63")
    string(SUBSTRING ${alphabet} ${index} 1 letter)
    string(APPEND base64 "${letter}")
  endforeach()
endforeach()
string(SUBSTRING "${base64}" 0 43 base64)

# The whole page of a template: the fragments stand in several of them.
function(page NAME RESULT)
  file(READ ${SOURCE}/${NAME}.mustache page)
  foreach(fragment head foot logs sides verdicts hot_paths provenance)
    file(READ ${SOURCE}/${fragment}.mustache text)
    string(STRIP "${text}" text)
    string(TOUPPER ${fragment} tag)
    string(REPLACE "@${tag}@" "${text}" page "${page}")
  endforeach()
  string(REPLACE "@STYLE@" "${style}" page "${page}")
  string(REPLACE "@SCRIPT@" "${script}" page "${page}")
  string(REPLACE "@SCRIPT_HASH@" "sha256-${base64}=" page "${page}")
  set(${RESULT} "${page}" PARENT_SCOPE)
endfunction()

page(report report)
page(diff diff)
page(comparison comparison)
file(WRITE ${OUTPUT} "// Generated from reports/html. Do not edit.
#include \"reports/html/page.h\"

namespace hypervet::reports {
extern const char kPageTemplate[] = R\"hvpage(${report})hvpage\";
extern const char kDiffTemplate[] = R\"hvpage(${diff})hvpage\";
extern const char kComparisonTemplate[] = R\"hvpage(${comparison})hvpage\";
}  // namespace hypervet::reports
")
