"""What finished runs say against each other, against chance and the papers.

`labels` names the searches and `records` reads their folders; `survey`, `gain`,
`bench`, `cells` and `features` make a table each; `lookup` asks NAS-Bench-201;
`plots` draws; `comparison` puts the parts together and `writing` writes them.
`measuring` adds what no run measures.
"""
