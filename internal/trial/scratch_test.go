package trial
import ("testing";"context";"fmt";"os";"strings";"sort";"time";"math"
"portcullis.example/portcullis/internal/mail";"portcullis.example/portcullis/internal/people";"portcullis.example/portcullis/internal/synth")
func load(t *testing.T) []Source {
	d:="/work/shared/data/mail/"; sa:="/tmp/sa/package/data"
	var out []Source
	for _,x:=range []struct{n string;b bool}{{"phishing",true},{"ham",false},{"ham-2007",false},{"newsletter-pairs",false}} {
		s,_,err:=Read(context.Background(),x.n,x.b,d+x.n); if err!=nil{t.Fatal(err)}
		out=append(out,s)
	}
	for _,x:=range []struct{n string;b bool;g []string}{{"sa-easy",false,[]string{"easy-ham-1","easy-ham-2"}},{"sa-hard",false,[]string{"hard-ham-1"}},{"sa-spam",true,[]string{"spam-1","spam-2"}}} {
		s,err:=ReadSpamAssassin(x.n,x.b,sa,x.g...); if err!=nil{t.Fatal(err)}
		out=append(out,s)
	}
	ev:=Source{Name:"synth"}
	h:=synth.NewHouse(2,60)
	for _,m:=range synth.Everyday(2,h,600){ev.Mails=append(ev.Mails,Mail{m.Path,m.Raw,m.Time})}
	out=append(out,ev)
	for i:=range out{ if out[i].Name!="synth"{out[i]=out[i].Normalised()}}
	return out
}
func TestScratch(t *testing.T) {
	dir,_,_:=people.Parse("",strings.NewReader(""))
	cfg:=mail.DefaultConfig(); cfg.Images=-1; cfg.NoModel=true
	j:=mail.NewJudge(dir,cfg,nil)
	half:=os.Getenv("HALF"); verbose:=os.Getenv("V")
	rate:=map[string]map[string]float64{}
	var names []string
	for _,s:=range load(t){
		e,l:=s.Split()
		use:=e
		if half=="later"{use=l}
		if s.Name=="newsletter-pairs"||s.Name=="synth"{use=s}
		tr:=map[string]float64{}
		start:=time.Now()
		var scores []int
		r,err:=Try(context.Background(),j,use,func(m Mail,in *mail.Input,v Judged){
			for _,n:=range v.Notes{ if i:=strings.Index(n+" ",": ");i>0{ f:=strings.Fields(n[:i]); if len(f)>2&&(f[1][0]=='+'||f[1][0]=='-'){ tr[strings.Join(f[2:]," ")]+=1/float64(len(use.Mails)) }}}
			scores=append(scores,v.Score)
			if verbose==s.Name&&(s.Bad!=v.Tagged||!s.Bad&&v.Score>=36){fmt.Println(v.Score,m.Name,"|",in.Sender.Name,in.Sender.Addr,"|",in.Subject); for _,n:=range v.Notes{fmt.Println("     ",n)}}
		}); if err!=nil{t.Fatal(err)}
		rate[s.Name]=tr; names=append(names,s.Name)
		sort.Ints(scores)
		q:=func(f float64)int{return scores[min(len(scores)-1,int(f*float64(len(scores))))]}
		fmt.Printf("%-18s n=%d tagged=%.2f%% (%d) targeted=%d q50=%d q90=%d q95=%d q98=%d q99=%d  %.2fms/msg\n",s.Name,len(use.Mails),100*r.Rate(),r.Tagged,r.Targeted,q(.5),q(.9),q(.95),q(.98),q(.99),float64(time.Since(start).Milliseconds())/float64(len(use.Mails)))
	}
	if os.Getenv("T")==""{return}
	keys:=map[string]bool{}; for _,m:=range rate{for k:=range m{keys[k]=true}}
	var ks []string; for k:=range keys{ks=append(ks,k)}
	worst:=func(k string)float64{w:=0.0;for _,n:=range names{if n!="phishing"&&n!="sa-spam"{w=math.Max(w,rate[n][k])}};return w}
	sort.Slice(ks,func(a,b int)bool{return rate["phishing"][ks[a]]>rate["phishing"][ks[b]]})
	fmt.Printf("%-24s","trait"); for _,n:=range names{fmt.Printf("%8.8s",n)}; fmt.Println()
	for _,k:=range ks{fmt.Printf("%-24s",k); for _,n:=range names{fmt.Printf("%8.1f",100*rate[n][k])}; fmt.Printf("   w=%.1f\n",100*worst(k))}
}
