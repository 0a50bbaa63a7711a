package pst

import "encoding/binary"

// headerSet is the set of named properties that stand for fields of Internet
// headers, PS_INTERNET_HEADERS (MS-OXPROPS §1.3.2), as it lies in the file.
const headerSet = "\x86\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"

// HeaderNames tells which properties stand for fields of the Internet header that
// have no property of their own, by identifier (MS-PST §2.4.7).
func (f *File) HeaderNames() (map[uint16]string, error) {
	f.steps = 0
	names := map[uint16]string{}
	n, err := f.node(nodeNames)
	if err != nil {
		return names, err
	}
	p, err := f.properties(n)
	if err != nil {
		return names, err
	}
	const limit = 8 << 20
	sets, err := p.Bytes(0x0002<<16|typeBinary, limit)
	if err != nil {
		return names, err
	}
	entries, err := p.Bytes(0x0003<<16|typeBinary, limit)
	if err != nil {
		return names, err
	}
	text, err := p.Bytes(0x0004<<16|typeBinary, limit)
	le := binary.LittleEndian
	for ; len(entries) >= 8; entries = entries[8:] {
		at, set, id := int(le.Uint32(entries)), le.Uint16(entries[4:]), le.Uint16(entries[6:])
		if set&1 == 0 || set>>1 < 3 || id >= 0x8000 { // a number, or a set without headers
			continue
		}
		if from := 16 * (int(set>>1) - 3); from+16 > len(sets) || string(sets[from:from+16]) != headerSet {
			continue
		}
		if at+4 <= len(text) {
			if size := int(le.Uint32(text[at:])); size <= 1<<10 && at+4+size <= len(text) {
				names[0x8000+id] = decode16(text[at+4 : at+4+size])
			}
		}
	}
	return names, err
}
