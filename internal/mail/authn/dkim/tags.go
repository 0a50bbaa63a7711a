package dkim

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxTags bounds a tag list. The largest registered one has 14.
const maxTags = 64

// ErrTags is in every error of ParseTags.
var ErrTags = errors.New("malformed tag list")

// Tags is a tag=value list (RFC 6376 §3.2).
type Tags []Tag

// Tag is one tag. From and To bound its value in the list, spaces around it
// included: that is what is cut out of a signature before it is hashed.
type Tag struct {
	Name, Value string
	From, To    int
}

// ParseTags reads a list strictly: no empty tag but behind the last semicolon,
// no tag twice.
func ParseTags(s string) (Tags, error) {
	tags := make(Tags, 0, 12)
	for pos := 0; pos <= len(s); {
		end := strings.IndexByte(s[pos:], ';')
		last := end < 0
		if last {
			end = len(s)
		} else {
			end += pos
		}
		if last && strings.Trim(s[pos:end], space) == "" {
			break
		}
		tag, err := parseTag(s, pos, end)
		if err != nil {
			return nil, err
		}
		if tags.has(tag.Name) {
			return nil, fmt.Errorf("%w: %s= twice", ErrTags, tag.Name)
		}
		if len(tags) == maxTags {
			return nil, fmt.Errorf("%w: more than %d tags", ErrTags, maxTags)
		}
		tags = append(tags, tag)
		pos = end + 1
	}
	if len(tags) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrTags)
	}
	return tags, nil
}

const space = " \t\r\n"

func parseTag(s string, pos, end int) (Tag, error) {
	eq := strings.IndexByte(s[pos:end], '=')
	if eq < 0 {
		return Tag{}, fmt.Errorf("%w: no = in %q", ErrTags, clip(s[pos:end]))
	}
	t := Tag{Name: strings.Trim(s[pos:pos+eq], space), From: pos + eq + 1, To: end}
	t.Value = strings.Trim(s[t.From:end], space)
	if !validTagName(t.Name) {
		return Tag{}, fmt.Errorf("%w: bad name %q", ErrTags, clip(t.Name))
	}
	for i := 0; i < len(t.Value); i++ {
		if c := t.Value[i]; c < ' ' && strings.IndexByte(space, c) < 0 || c == 0x7f {
			return Tag{}, fmt.Errorf("%w: control character in %s=", ErrTags, t.Name)
		}
	}
	return t, nil
}

// validTagName: tag-name = ALPHA *ALNUMPUNC
func validTagName(s string) bool {
	for i := 0; i < len(s); i++ {
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		if !letter && (i == 0 || s[i] != '_' && (s[i] < '0' || s[i] > '9')) {
			return false
		}
	}
	return s != ""
}

func clip(s string) string { return s[:min(len(s), 40)] }

func (t Tags) find(name string) *Tag {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

func (t Tags) has(name string) bool { return t.find(name) != nil }

// Get returns the value of a tag and whether it is there. Names are case-sensitive.
func (t Tags) Get(name string) (string, bool) {
	if tag := t.find(name); tag != nil {
		return tag.Value, true
	}
	return "", false
}

// value returns a tag's value without any white space, "" where it is missing.
func (t Tags) value(name string) string {
	v, _ := t.Get(name)
	return dropSpace(v)
}

func dropSpace(s string) string {
	if !strings.ContainsAny(s, space) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(space, r) {
			return -1
		}
		return r
	}, s)
}

// base64 decodes a tag, in which white space means nothing. An empty or missing tag is an error.
func (t Tags) base64(name string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(t.value(name))
	if err == nil && len(b) == 0 {
		err = errors.New("empty")
	}
	if err != nil {
		return nil, fmt.Errorf("%s=: %w", name, err)
	}
	return b, nil
}

// maxTime is the last second of the year 9999, behind which times cannot be
// written down (RFC 3339) and all mean "never".
const maxTime = 253402300799

// timestamp reads seconds since 1970 of at most 12 digits (RFC 6376 §3.5). A
// missing tag is the zero time.
func (t Tags) timestamp(name string) (time.Time, error) {
	tag := t.find(name)
	if tag == nil {
		return time.Time{}, nil
	}
	n, err := strconv.ParseUint(tag.Value, 10, 64)
	if err != nil || len(tag.Value) > 12 {
		return time.Time{}, fmt.Errorf("%s=%q: want seconds since 1970", name, clip(tag.Value))
	}
	return time.Unix(int64(min(n, maxTime)), 0).UTC(), nil
}
