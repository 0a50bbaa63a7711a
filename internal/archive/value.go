package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// kind is a type of observable as stored. The numbers are in every store: add,
// never change.
type kind byte

const (
	kindDomain    kind = 1
	kindURL       kind = 2
	kindEmail     kind = 3
	kindIP        kind = 4
	kindCIDR      kind = 5
	kindHash      kind = 6
	kindSubject   kind = 7
	kindMessageID kind = 8
	kindFileName  kind = 9
)

var kinds = map[portcullis.ObservableType]kind{
	portcullis.TypeDomain: kindDomain, portcullis.TypeURL: kindURL, portcullis.TypeEmail: kindEmail,
	portcullis.TypeIP: kindIP, portcullis.TypeCIDR: kindCIDR, portcullis.TypeHash: kindHash,
	portcullis.TypeSubject: kindSubject, portcullis.TypeMessageID: kindMessageID, portcullis.TypeFileName: kindFileName,
}

var kindTypes = func() (types [10]portcullis.ObservableType) {
	for t, k := range kinds {
		types[k] = t
	}
	return types
}()

// First bytes of keys that are not plain text.
const (
	asText  = 0 // what follows is the value itself
	asBytes = 1 // of an address or a hash
	asHTTP  = 1
	asHTTPS = 2
)

// stored is a value in the form of the table: its kind and its key.
type stored struct {
	key  []byte
	tail []byte // nil unless the key was cut
}

// store returns the stored form of an observable.
func store(o portcullis.Observable) (stored, error) {
	k, ok := kinds[o.Type]
	if !ok {
		return stored{}, fmt.Errorf("observable type %q is not one that the archive knows", o.Type)
	}
	key, tail := cut(encode(k, o.Value))
	return stored{ofKind(k, key), tail}, nil
}

// ofKind is a key as stored: the keys of one kind lie together.
func ofKind(k kind, key []byte) []byte {
	return append(append(make([]byte, 0, 1+len(key)), byte(k)), key...)
}

// encode returns the whole key of a value.
func encode(k kind, value string) []byte {
	switch k {
	case kindDomain:
		return []byte(observable.ReverseHost(value))
	case kindURL:
		return encodeURL(value)
	case kindEmail:
		at := strings.LastIndexByte(value, '@')
		if at < 0 {
			return append([]byte{asText}, value...)
		}
		return []byte(observable.ReverseHost(value[at+1:]) + "@" + value[:at])
	case kindIP:
		if ip, err := netip.ParseAddr(value); err == nil {
			raw := ip.As16() // IPv4 as ::ffff:…
			return append([]byte{asBytes}, raw[:]...)
		}
		return append([]byte{asText}, value...)
	case kindHash:
		if raw, err := hex.DecodeString(value); err == nil {
			return append([]byte{asBytes}, raw...)
		}
		return append([]byte{asText}, value...)
	case kindFileName:
		return []byte(foldFileName(value))
	}
	return []byte(value)
}

// decode is encode's inverse.
func decode(k kind, key []byte) string {
	switch k {
	case kindDomain:
		return forwardHost(string(key))
	case kindURL:
		return decodeURL(key)
	case kindEmail:
		host, local, ok := strings.Cut(string(key), "@")
		if !ok {
			return strings.TrimPrefix(string(key), string(rune(asText)))
		}
		return local + "@" + forwardHost(host)
	case kindIP, kindHash:
		if len(key) == 0 || key[0] != asBytes {
			return strings.TrimPrefix(string(key), string(rune(asText)))
		}
		if k == kindHash {
			return hex.EncodeToString(key[1:])
		}
		ip, _ := netip.AddrFromSlice(key[1:])
		return ip.Unmap().String()
	}
	return string(key)
}

// forwardHost undoes observable.ReverseHost.
func forwardHost(reversed string) string {
	body, ok := strings.CutSuffix(reversed, ".")
	if !ok {
		return reversed
	}
	labels := strings.Split(body, ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

func encodeURL(value string) []byte {
	if rest, ok := strings.CutPrefix(value, "http://"); ok {
		return append([]byte{asHTTP}, rest...)
	}
	if rest, ok := strings.CutPrefix(value, "https://"); ok {
		return append([]byte{asHTTPS}, rest...)
	}
	return append([]byte{asText}, value...)
}

func decodeURL(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	return [...]string{asText: "", asHTTP: "http://", asHTTPS: "https://"}[min(key[0], asHTTPS)] + string(key[1:])
}

// foldFileName is the form in which file names are compared: file systems on which
// attachments are opened do not tell case apart.
func foldFileName(name string) string {
	if canon, err := observable.FileName(name); err == nil {
		name = canon
	}
	return strings.ToLower(name)
}

// Keys are cut, because an index of PostgreSQL takes 2,704 bytes and a page of SQLite
// should hold several: to their beginning and a digest, which keeps them unique.
const (
	keyHead = 480
	keyCut  = keyHead + sha256.Size // the length of a cut key, and of no other
)

func cut(key []byte) (short, tail []byte) {
	if len(key) < keyCut {
		return key, nil
	}
	sum := sha256.Sum256(key)
	return slices.Concat(key[:keyHead], sum[:]), key[keyHead:]
}

func whole(key, tail []byte) []byte {
	if len(key) != keyCut {
		return key
	}
	return slices.Concat(key[:keyHead], tail)
}

// after returns the first key behind all that begin with prefix; nil if there is none.
func after(prefix []byte) []byte {
	end := bytes.TrimRight(prefix, "\xff")
	if len(end) == 0 {
		return nil
	}
	end = bytes.Clone(end)
	end[len(end)-1]++
	return end
}
