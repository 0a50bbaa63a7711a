package pack

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"portcullis.example/portcullis"
)

// Kind is what a sealed value is. It is part of what is hashed, and a pack tells in clear which
// kinds it covers, so that a house hashes no others.
type Kind string

// The kinds.
const (
	KindDomain    Kind = "domain"     // and everything below it
	KindURL       Kind = "url"        // one URL, by http or https
	KindUnder     Kind = "under"      // every URL that begins so
	KindEmail     Kind = "email"      // one address
	KindAt        Kind = "at"         // every address at one domain
	KindIP        Kind = "ip"         // one address
	KindNetwork   Kind = "network"    // every address in it
	KindHash      Kind = "hash"       // of an attachment
	KindSubject   Kind = "subject"    //
	KindMessageID Kind = "message-id" //
	KindFileName  Kind = "filename"   // in lower case
)

var allKinds = []Kind{KindDomain, KindURL, KindUnder, KindEmail, KindAt, KindIP, KindNetwork, KindHash, KindSubject, KindMessageID, KindFileName}

// Input is one thing that is hashed.
type Input struct {
	Kind  Kind
	Value string
}

func (i Input) bytes() []byte { return []byte(labelInput + string(i.Kind) + "\n" + i.Value) }

// Pattern is the indicator that an input stands for.
func (i Input) Pattern() portcullis.Observable {
	switch i.Kind {
	case KindURL:
		return portcullis.Observable{Type: portcullis.TypeURL, Value: withScheme(i.Value)}
	case KindUnder:
		return portcullis.Observable{Type: portcullis.TypeURL, Value: withScheme(i.Value) + "*"}
	case KindAt:
		return portcullis.Observable{Type: portcullis.TypeEmail, Value: "@" + i.Value}
	case KindNetwork:
		return portcullis.Observable{Type: portcullis.TypeCIDR, Value: i.Value}
	}
	return portcullis.Observable{Type: portcullis.ObservableType(i.Kind), Value: i.Value}
}

// mostSlashes bounds how many beginnings of one URL are tested.
const mostSlashes = 16

// inputOf is what is hashed for an indicator.
func inputOf(p portcullis.Observable) (Input, error) {
	switch p.Type {
	case portcullis.TypeDomain, portcullis.TypeIP, portcullis.TypeHash, portcullis.TypeSubject, portcullis.TypeMessageID:
		return Input{Kind(p.Type), p.Value}, nil
	case portcullis.TypeFileName:
		return Input{KindFileName, strings.ToLower(p.Value)}, nil
	case portcullis.TypeCIDR:
		return Input{KindNetwork, p.Value}, nil
	case portcullis.TypeEmail:
		if domain, ok := strings.CutPrefix(p.Value, "@"); ok {
			return Input{KindAt, domain}, nil
		}
		return Input{KindEmail, p.Value}, nil
	case portcullis.TypeURL:
		return urlInput(p.Value)
	}
	return Input{}, fmt.Errorf("values of type %q cannot be sealed", p.Type)
}

func urlInput(url string) (Input, error) {
	plain := withoutScheme(url)
	prefix, ok := strings.CutSuffix(plain, "*")
	if !ok || !strings.HasSuffix(prefix, "/") {
		return Input{KindURL, plain}, nil
	}
	if n := strings.Count(strings.TrimPrefix(prefix, webSlashes), "/"); n > mostSlashes {
		return Input{}, fmt.Errorf("the URL's beginning has %d slashes; only the first %d are tested", n, mostSlashes)
	}
	return Input{KindUnder, prefix}, nil
}

// A URL is hashed without http: or https:, from its two slashes on, so that one is found as the
// other. URLs of other schemes are hashed whole.
func withoutScheme(url string) string {
	if rest, ok := strings.CutPrefix(url, "http:"); ok && strings.HasPrefix(rest, webSlashes) {
		return rest
	}
	if rest, ok := strings.CutPrefix(url, "https:"); ok && strings.HasPrefix(rest, webSlashes) {
		return rest
	}
	return url
}

const webSlashes = "//"

func withScheme(plain string) string {
	if strings.HasPrefix(plain, webSlashes) {
		return "https:" + plain
	}
	return plain
}

// covered is which kinds a pack holds, and of networks which lengths.
type covered struct {
	kinds   map[Kind]bool
	lengths []netip.Prefix // of the zero address, for family and length
}

// Value is something seen. Sealed says that not it is known, but what a store keeps in its
// place: then only what is still in clear of it can be tested.
type Value struct {
	portcullis.Observable
	Sealed bool
}

// inputs calls fn with everything that has to be tested for a value: itself and its parents.
func (c covered) inputs(v Value, fn func(Input)) {
	add := func(k Kind, value string) {
		if c.kinds[k] && value != "" {
			fn(Input{k, value})
		}
	}
	switch v.Type {
	case portcullis.TypeDomain:
		domainInputs(v.Value, add)
	case portcullis.TypeURL:
		c.urlInputs(v, add)
	case portcullis.TypeEmail:
		if !v.Sealed {
			add(KindEmail, v.Value)
		}
		add(KindAt, v.Value[strings.LastIndexByte(v.Value, '@')+1:])
	case portcullis.TypeIP:
		c.addressInputs(v.Value, add)
	case portcullis.TypeCIDR:
		add(KindNetwork, v.Value)
	case portcullis.TypeFileName:
		add(KindFileName, strings.ToLower(v.Value))
	case portcullis.TypeHash, portcullis.TypeSubject, portcullis.TypeMessageID:
		if !v.Sealed {
			add(Kind(v.Type), v.Value)
		}
	}
}

// domainInputs are a domain and its parents of two labels and more. They do not end at the
// public suffix: lists of these differ with their age, and what is hashed must not.
func domainInputs(domain string, add func(Kind, string)) {
	add(KindDomain, domain)
	for {
		_, parent, ok := strings.Cut(domain, ".")
		if !ok || strings.IndexByte(parent, '.') < 0 {
			return
		}
		add(KindDomain, parent)
		domain = parent
	}
}

// urlInputs are a URL and its beginnings up to each of the first slashes behind the host. Of a sealed one the
// last element is not known.
func (c covered) urlInputs(v Value, add func(Kind, string)) {
	plain := withoutScheme(v.Value)
	if !v.Sealed {
		add(KindURL, plain)
	}
	if !c.kinds[KindUnder] {
		return
	}
	begin := len(plain) - len(strings.TrimPrefix(plain, webSlashes))
	for i, n := begin, 0; i < len(plain) && n < mostSlashes; i++ {
		if plain[i] == '/' {
			n++
			add(KindUnder, plain[:i+1])
		}
	}
}

func (c covered) addressInputs(value string, add func(Kind, string)) {
	add(KindIP, value)
	ip, err := netip.ParseAddr(value)
	if err != nil {
		return
	}
	for _, p := range c.lengths {
		if p.Addr().Is4() != ip.Is4() {
			continue
		}
		if network, err := ip.Prefix(p.Bits()); err == nil {
			add(KindNetwork, network.String())
		}
	}
}

// coveredBy is what these inputs need a house to test.
func coveredBy(list []Input) (c covered) {
	c.kinds = map[Kind]bool{}
	for _, in := range list {
		c.kinds[in.Kind] = true
		if in.Kind != KindNetwork {
			continue
		}
		if p, err := netip.ParsePrefix(in.Value); err == nil {
			if length := lengthOf(p); !slices.Contains(c.lengths, length) {
				c.lengths = append(c.lengths, length)
			}
		}
	}
	slices.SortFunc(c.lengths, func(a, b netip.Prefix) int { return strings.Compare(lengthText(a), lengthText(b)) })
	return c
}

// lengthOf keeps of a network its family and length.
func lengthOf(p netip.Prefix) netip.Prefix {
	zero := netip.IPv6Unspecified()
	if p.Addr().Is4() {
		zero = netip.IPv4Unspecified()
	}
	return netip.PrefixFrom(zero, p.Bits())
}

// lengthText writes "4/24" or "6/48".
func lengthText(p netip.Prefix) string {
	if p.Addr().Is4() {
		return fmt.Sprintf("4/%d", p.Bits())
	}
	return fmt.Sprintf("6/%d", p.Bits())
}

// list is the kinds in their fixed order.
func (c covered) list() (list []Kind) {
	for _, k := range allKinds {
		if c.kinds[k] {
			list = append(list, k)
		}
	}
	return list
}
