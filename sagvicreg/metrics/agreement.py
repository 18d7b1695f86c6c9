import numpy as np
from .dendrogram import points_for
def nearest(x,k,metric="cosine"):
    y=points_for(x,metric); g=(y*y).sum(1); d=g[:,None]+g-2*y@y.T; np.fill_diagonal(d,np.inf)
    return np.argsort(d,1,kind="stable")[:,:k]
def _c(x,metric): y=points_for(x,metric); return y-y.mean(0)
def linear_cka(a,b,metric="cosine",names=None):
    a,b=_c(a,metric),_c(b,metric)
    def h(p,q):
        n=len(p); K=p@p.T; L=q@q.T; np.fill_diagonal(K,0); np.fill_diagonal(L,0)
        return (K*L).sum()+K.sum()*L.sum()/(n-1)/(n-2)-2/(n-2)*(K.sum(0)@L.sum(0))
    return float(h(a,b)/np.sqrt(h(a,a)*h(b,b)))
def procrustes(a,b,metric="cosine",names=None):
    a,b=_c(a,metric),_c(b,metric)
    return float(np.linalg.svd(a.T@b,compute_uv=False).sum()/np.linalg.norm(a)/np.linalg.norm(b))
def offset(x): 
    x=np.asarray(x); m=x.mean(0); return float(np.linalg.norm(m)/np.sqrt(((x-m)**2).sum(1).mean()))
