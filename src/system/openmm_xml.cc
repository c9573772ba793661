#include "system/openmm_xml.h"

#include <expat.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// Systems are about ten elements deep, with forces inside of forces.
constexpr std::size_t kDeepest = 64;
constexpr const char* kHowToMakeOne =
    "Expected a System, as openmm.XmlSerializer.serialize(system) writes it for the system that "
    "forcefield.createSystem(topology, constraints=None) or prmtop.createSystem(constraints=None) makes";

/// What the file is, where its first bytes tell that it is no XML.
std::optional<std::string> other_format(std::string_view text) {
  const auto begins = [&](std::string_view with) { return text.starts_with(with); };
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return "is empty";
  if (begins("BZh")) return "is compressed by bzip2: decompress it first (bunzip2)";
  if (begins("\x1f\x8b")) return "is compressed by gzip: decompress it first (gunzip)";
  if (begins("\xfd"
             "7zXZ"))
    return "is compressed by xz: decompress it first (unxz)";
  if (begins("PK")) return "is a zip archive: unpack it first";
  if (begins("%VERSION")) return "is an AMBER prmtop";
  return std::nullopt;
}

/// Whether the text is a number with a decimal comma, "1,008" or "-1,2e-05".
bool has_decimal_comma(std::string_view text) {
  const auto digits = [&text] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count > 0;
  };
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (!digits() || !text.starts_with(',')) return false;
  text.remove_prefix(1);
  if (!digits()) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (!digits()) return false;
  }
  return text.empty();
}

std::string_view attribute(const char** attributes, std::string_view name) {
  for (; *attributes != nullptr; attributes += 2) {
    if (name == attributes[0]) return attributes[1];
  }
  return {};
}

/// What a serialized object or another file is, by its first element.
std::string described(std::string_view element, std::string_view type) {
  if (element == "ForceField") return "is a force field's definition";
  if (element == "Residues" || element == "HydrogenDefinitions")
    return "is a file of OpenMM's application layer";
  const std::string what = type.empty() ? std::string(element) : std::string(type);
  if (what == "State") return "is a State: positions, velocities and the like";
  if (what.ends_with("Integrator")) return fmt::format("is an Integrator ({})", what);
  if (element == "Force" || what.ends_with("Force")) return fmt::format("is a single Force ({})", what);
  if (type.empty()) return fmt::format("has the first element <{}>", element);
  return fmt::format("is a serialized {}", what);
}

/// Whether OpenMM has objects of this type among a System's forces. Anything else there would be taken for
/// one.
bool is_force(std::string_view type) {
  return type.ends_with("Force") || type.ends_with("Barostat") || type.ends_with("Thermostat") ||
         type == "CMMotionRemover";
}

/// Collects what OpenMmXml holds. Exceptions must not pass through expat: the first fault ends the parsing
/// and is kept.
class Scan {
 public:
  Scan(std::string_view text, const std::string& name) : text_(text), name_(name) {
    parser_.reset(XML_ParserCreate(nullptr));
    if (!parser_) throw std::bad_alloc();
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(),
        [](void* self, const char* element, const char** attributes) {
          static_cast<Scan*>(self)->begin(element, attributes);
        },
        [](void* self, const char* element) { static_cast<Scan*>(self)->end(element); });
  }

  OpenMmXml run() {
    constexpr std::size_t piece = 1 << 20;  // expat counts in int
    for (std::size_t first = 0;; first += piece) {
      const std::size_t count = std::min(piece, text_.size() - first);
      const bool last = first + count == text_.size();
      if (XML_Parse(parser_.get(), text_.data() + first, static_cast<int>(count), last) != XML_STATUS_OK)
        break;
      if (last) {
        require_parts();
        return std::move(found_);
      }
    }
    if (!fault_.empty()) throw DataError("{}", fault_);
    if (XML_GetErrorCode(parser_.get()) == XML_ERROR_NO_MEMORY) throw std::bad_alloc();
    throw DataError("{}:{}: is not well-formed XML: {}. {}", name_, line(),
                    XML_ErrorString(XML_GetErrorCode(parser_.get())), kHowToMakeOne);
  }

 private:
  struct Free {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };

  std::size_t line() const { return XML_GetCurrentLineNumber(parser_.get()); }
  std::size_t position() const { return static_cast<std::size_t>(XML_GetCurrentByteIndex(parser_.get())); }
  void stop(std::string fault) {
    if (fault_.empty()) fault_ = std::move(fault);
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  void begin(const char* element, const char** attributes) {
    if (!fault_.empty()) return;
    ++depth_;
    if (depth_ > kDeepest) {
      stop(fmt::format("{}:{}: elements nest deeper than {} levels, as in no System", name_, line(),
                       kDeepest));
      return;
    }
    for (const char** a = attributes; *a != nullptr; a += 2) {
      if (!has_decimal_comma(a[1])) continue;
      stop(fmt::format("{}:{}: <{}> has {}=\"{}\": numbers need a decimal point, not a comma", name_, line(),
                       element, a[0], a[1]));
      return;
    }
    const std::string_view type = attribute(attributes, "type");
    if (depth_ == 1) {
      if (type != "System") {
        stop(fmt::format("{} {}. {}", name_, described(element, type), kHowToMakeOne));
        return;
      }
      found_.version = attribute(attributes, "version");
      found_.openmm_version = attribute(attributes, "openmmVersion");
      return;
    }
    if (depth_ == 2) {
      parts_.insert(element);
      in_forces_ = std::string_view(element) == "Forces";
    }
    const bool misplaced = type == "State" || type == "System" || type.ends_with("Integrator");
    if (misplaced || (depth_ == 3 && in_forces_ && !is_force(type))) {
      stop(fmt::format("{}:{}: <{}> is of type \"{}\", which has no place in a System", name_, line(),
                       element, type));
      return;
    }
    if (depth_ == 3 && in_forces_) found_.forces.push_back({std::string(type), position(), 0});
  }

  void end(std::string_view element) {
    if (!fault_.empty()) return;
    if (depth_ == 3 && in_forces_) {
      // The parser stands at the closing tag, or behind an empty element, which has none.
      OpenMmXml::Force& force = found_.forces.back();
      std::size_t last = position();
      const std::string_view rest = text_.substr(last);
      const std::size_t tag = 2 + element.size();
      if (rest.starts_with("</") && rest.substr(2).starts_with(element) &&
          rest.find_first_not_of(" \t\r\n", tag) == rest.find('>')) {
        last += rest.find('>') + 1;
      }
      force.length = last - force.first;
    }
    --depth_;
  }

  void require_parts() const {
    for (const char* part : {"PeriodicBoxVectors", "Particles", "Constraints", "Forces"}) {
      if (parts_.contains(part)) continue;
      throw DataError("{}: the System has no element <{}>: the file is incomplete. {}", name_, part,
                      kHowToMakeOne);
    }
  }

  std::string_view text_;
  const std::string& name_;
  std::unique_ptr<std::remove_pointer_t<XML_Parser>, Free> parser_;
  std::size_t depth_ = 0;
  bool in_forces_ = false;
  std::set<std::string> parts_;  // elements of the System itself
  std::string fault_;
  OpenMmXml found_;
};

}  // namespace

OpenMmXml inspect_openmm_xml(std::string_view text, const std::string& name) {
  if (const auto other = other_format(text)) throw DataError("{} {}. {}", name, *other, kHowToMakeOne);
  return Scan(text, name).run();
}

}  // namespace equibolt
