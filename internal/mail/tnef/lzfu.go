package tnef

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// lzfuPreload is what the dictionary holds at the beginning (MS-OXRTFCP §2.1.2.1).
const lzfuPreload = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` +
	"\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

const (
	lzfuHeader       = 16
	lzfuCompressed   = 0x75465A4C // "LZFu"
	lzfuUncompressed = 0x414C454D // "MELA"
	lzfuDictionary   = 4096
)

// UnpackRTF undoes the compression of PidTagRtfCompressed (MS-OXRTFCP §2.2). The
// checksum is not verified: a body that is damaged is still worth reading. With
// an error comes what could be unpacked.
func UnpackRTF(b []byte, limit int) ([]byte, error) {
	if len(b) < lzfuHeader {
		return nil, errors.New("compressed RTF without header")
	}
	size := int(binary.LittleEndian.Uint32(b[4:]))
	body := b[lzfuHeader:]
	switch magic := binary.LittleEndian.Uint32(b[8:]); magic {
	case lzfuUncompressed:
		return body[:min(size, len(body), limit)], nil
	case lzfuCompressed:
		return unpackLZFu(body, min(size, limit))
	default:
		return nil, fmt.Errorf("compressed RTF of unknown type %#x", magic)
	}
}

func unpackLZFu(in []byte, limit int) ([]byte, error) {
	var dict [lzfuDictionary]byte
	at := copy(dict[:], lzfuPreload)
	out := make([]byte, 0, min(limit, 8*len(in)))
	put := func(c byte) {
		out = append(out, c)
		dict[at] = c
		at = (at + 1) % lzfuDictionary
	}
	for i := 0; i < len(in); {
		control := in[i]
		i++
		for bit := 0; bit < 8 && i < len(in) && len(out) < limit; bit, control = bit+1, control>>1 {
			if control&1 == 0 {
				put(in[i])
				i++
				continue
			}
			if i+1 >= len(in) {
				return out, errors.New("compressed RTF is cut off")
			}
			ref := int(in[i])<<8 | int(in[i+1])
			i += 2
			from, n := ref>>4, ref&15+2
			if from == at { // the end, MS-OXRTFCP §2.2.3.1.2
				return out, nil
			}
			for j := range n {
				put(dict[(from+j)%lzfuDictionary])
			}
		}
		if len(out) >= limit {
			return out[:limit], nil
		}
	}
	return out, nil
}
