package attach

import (
	"encoding/binary"
	"errors"
	"strings"
)

// shortcut is what a shell link starts (MS-SHLLINK).
type shortcut struct {
	Target, Name, Relative, WorkingDir, Arguments, Icon, Environment string
	HasIDList                                                        bool
}

var errLNK = errors.New("shell link is damaged")

// Flags of the header, MS-SHLLINK §2.1.1.
const (
	lnkHasIDList   = 1 << 0
	lnkHasLinkInfo = 1 << 1
	lnkHasName     = 1 << 2
	lnkHasRelative = 1 << 3
	lnkHasWorkDir  = 1 << 4
	lnkHasArgs     = 1 << 5
	lnkHasIcon     = 1 << 6
	lnkUnicode     = 1 << 7
)

// parseLNK reads the parts of a shell link that say what it runs. What was read
// before damage is returned with the error.
func parseLNK(data []byte) (s shortcut, err error) {
	if len(data) < 76 || binary.LittleEndian.Uint32(data) != 76 {
		return s, errLNK
	}
	flags := binary.LittleEndian.Uint32(data[20:])
	rest := data[76:]
	if flags&lnkHasIDList != 0 {
		if len(rest) < 2 || len(rest) < 2+int(binary.LittleEndian.Uint16(rest)) {
			return s, errLNK
		}
		size := int(binary.LittleEndian.Uint16(rest))
		s.HasIDList = true
		s.Target = idListPath(rest[2 : 2+size])
		rest = rest[2+size:]
	}
	if flags&lnkHasLinkInfo != 0 {
		if len(rest) < 4 || uint64(len(rest)) < uint64(binary.LittleEndian.Uint32(rest)) || binary.LittleEndian.Uint32(rest) < 4 {
			return s, errLNK
		}
		size := int(binary.LittleEndian.Uint32(rest))
		s.Target = firstOf(linkInfoPath(rest[:size]), s.Target)
		rest = rest[size:]
	}
	for _, part := range []struct {
		flag uint32
		into *string
	}{{lnkHasName, &s.Name}, {lnkHasRelative, &s.Relative}, {lnkHasWorkDir, &s.WorkingDir}, {lnkHasArgs, &s.Arguments}, {lnkHasIcon, &s.Icon}} {
		if flags&part.flag == 0 {
			continue
		}
		if rest, err = stringData(rest, flags&lnkUnicode != 0, part.into); err != nil {
			return s, err
		}
	}
	s.Environment = environmentTarget(rest)
	return s, nil
}

// stringData reads one counted string (§2.4).
func stringData(data []byte, wide bool, into *string) ([]byte, error) {
	if len(data) < 2 {
		return nil, errLNK
	}
	n := int(binary.LittleEndian.Uint16(data))
	data = data[2:]
	if wide {
		n *= 2
	}
	if n > len(data) {
		return nil, errLNK
	}
	if wide {
		*into = string(utf16Bytes(data[:n], true))
	} else {
		*into = string(data[:n])
	}
	return data[n:], nil
}

// linkInfoPath joins base path and suffix, or network share and suffix (§2.3).
func linkInfoPath(info []byte) string {
	if len(info) < 28 {
		return ""
	}
	flags := binary.LittleEndian.Uint32(info[8:])
	at := func(off uint32) string {
		if off < 28 || uint64(off) >= uint64(len(info)) {
			return ""
		}
		s, _ := cString(info[off:])
		return s
	}
	base := ""
	if flags&1 != 0 {
		base = at(binary.LittleEndian.Uint32(info[16:]))
	}
	if network := binary.LittleEndian.Uint32(info[20:]); flags&2 != 0 && uint64(network)+20 <= uint64(len(info)) {
		name := binary.LittleEndian.Uint32(info[network+8:])
		base = at(network + name)
		if base != "" {
			base += `\`
		}
	}
	return base + at(binary.LittleEndian.Uint32(info[24:]))
}

// idListPath collects the names in an item list; shells resolve it before the
// rest, so a link may have nothing else. Items are not documented; the short
// name of file items lies at a fixed place.
func idListPath(list []byte) string {
	var parts []string
	for len(list) >= 2 {
		size := int(binary.LittleEndian.Uint16(list))
		if size < 3 || size > len(list) {
			break
		}
		item := list[2:size]
		switch class := item[0] & 0x70; {
		case class == 0x20 && len(item) > 3: // drive
			s, _ := cString(append(item[1:len(item):len(item)], 0))
			parts = append(parts, strings.TrimRight(s, `\`))
		case class == 0x30 && len(item) > 12: // file or folder
			s, _ := cString(append(item[12:len(item):len(item)], 0))
			parts = append(parts, s)
		}
		list = list[size:]
	}
	return strings.Join(parts, `\`)
}

// environmentTarget finds the EnvironmentVariableDataBlock (§2.5.4), whose
// target is used before the others.
func environmentTarget(extra []byte) string {
	for len(extra) >= 8 {
		size := binary.LittleEndian.Uint32(extra)
		if size < 8 || uint64(size) > uint64(len(extra)) {
			return ""
		}
		if binary.LittleEndian.Uint32(extra[4:]) == 0xa0000001 && size >= 268 {
			if size >= 788 {
				if s, _, _ := strings.Cut(string(utf16Bytes(extra[268:788], true)), "\x00"); s != "" {
					return s
				}
			}
			s, _ := cString(extra[8:268])
			return s
		}
		extra = extra[size:]
	}
	return ""
}

func (in *inspection) openLNK(c content) {
	s, err := parseLNK(c.data)
	if err != nil {
		in.incomplete("%s: %v", c.label(), err)
	}
	target := firstOf(s.Environment, s.Target, s.Relative)
	detail := "starts " + firstOf(target, "a target that could not be read")
	if args := strings.TrimSpace(s.Arguments); args != "" {
		detail += " with " + args
	}
	if len(s.Arguments)-len(strings.TrimSpace(s.Arguments)) > 50 {
		detail = "arguments pushed out of sight by blanks; " + detail
	}
	if s.Icon != "" {
		detail += "; shows the icon of " + s.Icon
	}
	in.trait(c, KindLNK, detail)
	for _, part := range []string{target, s.Arguments, s.WorkingDir, s.Icon} {
		urlsIn([]byte(part), func(u string, _, _ int) { in.url(c, InLNK, u) })
		if strings.HasPrefix(part, `\\`) {
			in.url(c, InLNK, part)
		}
	}
	if len(c.data) > 1<<20 {
		in.trait(c, KindTypeMismatch, "shortcut that carries other data behind it")
	}
}
