"""An allowlist, URLs that it lets through and URLs that it doesn't, though every name has a public address."""

#: Where every name lies that a case doesn't place.
PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
HOSTS = ("data.example.org", "*.wild.example.org", "xn--bcher-kva.example.org", PUBLIC, f"[{PUBLIC_6}]")
HTTP_HOSTS = ("plain.wild.example.org",)
PORTS = (80, 443, 8443)

REFUSED_URLS = {
    "schemes": (
        *("http://data.example.org/", "ftp://data.example.org/", "file:///etc/passwd", "file://data.example.org/a"),
        *("gopher://data.example.org/", "data:text/plain,a", "javascript:alert(1)", "//data.example.org/", "/a", ""),
        *(
            "https:data.example.org/",
            "https:///a",
            "https://",
            "httpss://data.example.org/",
            "HTTP://data.example.org/",
        ),
        *("ws://data.example.org/", "wss://data.example.org/", "http+unix://%2fvar%2frun%2fdocker.sock/"),
        *("ldap://data.example.org/", "dict://127.0.0.1:11211/stat", "jar:https://data.example.org/!/", "https"),
        *("https:/data.example.org/", "https:////data.example.org/", "://data.example.org/", "view-source:https://a/"),
    ),
    "hosts": (
        *("https://example.org/", "https://evil.org/", "https://data.example.org.evil.org/"),
        *("https://xdata.example.org/", "https://wild.example.org/", "https://xwild.example.org/"),
        *("https://a.wild.example.org.evil.org/", "https://data.example.org../", "https://.data.example.org/"),
        *("https://data..example.org/", "https://*.wild.example.org/", "https://.wild.example.org/"),
        *("https://data-example.org/", "https://data.example.or/", "https://data.example.orgg/", "https://org/"),
        "https://" + "a" * 64 + ".wild.example.org/",
        "https://" + "a." * 130 + "wild.example.org/",
    ),
    "names of this machine and of metadata services": (
        *("https://localhost/", "https://LOCALHOST/", "https://localhost.localdomain/", "https://ip6-localhost/"),
        *("http://metadata.google.internal/computeMetadata/v1/", "http://metadata/", "http://instance-data/latest/"),
        *("http://metadata.azure.internal/", "http://metadata.oraclecloud.com/", "https://kubernetes.default.svc/"),
        *(
            "http://169.254.169.254.nip.io/",
            "http://localtest.me/",
            "http://127.0.0.1.sslip.io/",
            "http://rancher-metadata/",
        ),
    ),
    "userinfo": (
        *("https://user@data.example.org/", "https://user:pw@data.example.org/", "https://@data.example.org/"),
        *(
            "https://:@data.example.org/",
            "https://data.example.org@evil.org/",
            "https://data.example.org:443@evil.org/",
        ),
        *("https://evil.org@data.example.org/", "https://a@b@data.example.org/", "https://data.example.org@127.0.0.1/"),
        *("https://evil.org#@data.example.org/", "https://evil.org?@data.example.org/"),
        *("https://evil.org/@data.example.org/", "https://127.0.0.1%23@data.example.org/"),
        *("https://data.example.org%40evil.org/", "https://foo@evil.org:443@data.example.org/"),
    ),
    "percent-encoded hosts": (
        *("https://data%2eexample.org/", "https://%64ata.example.org/", "https://data.example.org%2f.evil.org/"),
        *("https://data.example.org%00.evil.org/", "https://127%2e0%2e0%2e1/", "https://%31%32%37.0.0.1/"),
        *("https://data.example.org%23.evil.org/", "https://data.example.org%3f.evil.org/", "https://%5b::1%5d/"),
        *("https://%6c%6f%63%61%6c%68%6f%73%74/", "https://data.example.org%0d%0a/", "https://data.example.org%/"),
        *("https://data.example.org%5c.evil.org/", "https://data.example.org%3a80/", "https://%/"),
    ),
    "brackets": (
        *("https://[a]@/", "https://data.example.org[@/", "https://]@[/", "https://[data.example.org/", "https://a]/"),
    ),
    "backslashes": (
        *(
            "https://data.example.org\\@evil.org/",
            "https://evil.org\\.data.example.org/",
            "https:\\\\data.example.org/",
        ),
        *("https://evil.org\\@data.example.org/", "https://data.example.org\\evil.org/", "\\\\data.example.org/"),
        *("https:/\\data.example.org/", "https://data.example.org/\\", "https://data.example.org\\\\evil.org/"),
    ),
    "white space and controls": (
        *("https://data.example.org/a b", " https://data.example.org/", "https://data.example.org/\n"),
        *("https://da\tta.example.org/", "https://data.example.org\t/", "ht\ntps://data.example.org/"),
        *("https://data.example.org /", "https:// data.example.org/", "https://data.example.org/ HTTP/1.1"),
        *(
            "https://data.example.org/\r\nHost:evil.org",
            "https://data.example.org\r\nX:y/",
            "\x00https://data.example.org/",
        ),
        *("https://data.example.org/\x00", "https://data.example.org/\x7f", "https://data.example.org/\x1b[2J"),
        *("https://data.example.org/\u2028", "https://data.example.org\u00a0/", "https://data.example.org/\ud800"),
        *(
            "https://data.example.org/\x0b",
            "https://data.example.org/?a=\r\n\r\nGET / HTTP/1.1",
            "\ufeffhttps://evil.org/",
        ),
    ),
    "IDNA and look-alikes": (
        *("https://data\u200b.example.org/", "https://data\u00ad.example.org/", "https://dat\u0430.example.org/"),
        *("https://b\u00fccher.example.com/", "https://xn--bcher-kva.example.com/", "https://xn--.example.org/"),
        *("https://data.example.\u03bfrg/", "https://data.exam\u0440le.org/", "https://data.\u0435xample.org/"),
        *(
            "https://data.example.org\u2215.evil.org/",
            "https://data\uff0fexample.org/",
        ),
        *(
            "https://evil.org\uff03.data.example.org/",
            "https://evil.org\uff1f.wild.example.org/",
            "https://\u202edata.example.org/",
        ),
        *("https://\u00df.example.org/", "https://data\u0301.example.org/", "https://evil.org\uff20data.example.org/"),
        *("https://a\u2100.wild.example.org/", "https://a\u2048.wild.example.org/"),
    ),
    # Two names each: one by IDNA 2003, one by IDNA 2008.
    "IDNA's deviations": (
        *("https://stra\u00dfe.wild.example.org/", "https://STRA\u1e9eE.wild.example.org/"),
        *("https://\u03b2\u03cc\u03bb\u03bf\u03c2.wild.example.org/", "https://a\u0644\u200d.wild.example.org/"),
    ),
    "ports": (
        *("https://data.example.org:22/", "https://data.example.org:0/", "https://data.example.org:65536/"),
        *("https://data.example.org:-1/", "https://data.example.org:443:22/", "https://data.example.org:http/"),
        *("https://data.example.org:6379/", "https://data.example.org:65979/", "https://data.example.org:4 43/"),
        *(
            "https://data.example.org:0x1bb/",
            "https://data.example.org:443.0/",
            "https://data.example.org:\uff14\uff14\uff13/",
        ),
        *("https://data.example.org:+443/", "https://data.example.org:4_43/", "https://data.example.org:443@/"),
    ),
    "IPv4 in other writings": (
        *("https://8.8.8.8/", "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/"),
        *("https://0177.0.0.1/", "https://127.1/", "https://127.0.1/", "https://0/", "https://0x/", "https://00/"),
        *("https://017700000001/", "https://0x7f.0x0.0x0.0x1/", "https://0X7F.1/", "https://127.0.0.1./"),
        *("https://2852039166/", "https://0xa9fea9fe/", "https://0251.0376.0251.0376/", "https://169.254.43518/"),
        *("https://169.16689662/", "https://0xa9.254.0251.0xfe/", "https://4294967296/", "https://256.256.256.256/"),
        *("https://1.2.3.4.5/", "https://1.wild.example.org.1/", "https://data.example.org.0x7f/", "https://0.0.0.0/"),
        *(
            "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
            "https://127\u30020\u30020\u30021/",
            "https://\u2460\u2461\u2466.0.0.1/",
        ),
        *(
            "https://\u0661\u0662\u0667.0.0.1/",
            "https://93.184.215.014/",
            "https://93.184.55054/",
            "https://1572395790/",
        ),
        *(
            "https://093.184.215.14/",
            "https://93.184.215.14.evil.org/",
            "https://93.184.215.14%20/",
            "https://0x5db8d70e/",
        ),
    ),
    "IPv6 in other writings": (
        *("https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/"),
        *("https://[::1/", "https://::1/", "https://[]/", "https://[v1.a]/", f"https://[::ffff:{PUBLIC}]/"),
        *("https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:0x7f.1]/"),
        *(
            f"https://[{PUBLIC}]/",
            f"https://[{PUBLIC_6}%25lo]/",
            f"https://{PUBLIC_6}/",
            f"https://[{PUBLIC_6}]evil.org/",
        ),
        *("https://[::1]:443@data.example.org/", "https://[data.example.org]/", "https://[::1].data.example.org/"),
        *("https://[[::1]]/", "https://]/", "https://[::1]data.example.org/", "https://data.example.org[::1]/"),
    ),
    "length": ("https://data.example.org/" + "a" * 8168, "https://" + "a" * 9000 + "/"),
}

ALLOWED_URLS = {
    "https://data.example.org/": 443,
    "https://data.example.org": 443,
    "https://data.example.org:443/": 443,
    "https://data.example.org:/": 443,
    "https://data.example.org:0443/": 443,
    "https://data.example.org:8443/a": 8443,
    "https://DATA.Example.ORG/": 443,
    "HTTPS://data.example.org/": 443,
    "https://data.example.org./": 443,
    "https://\uff44\uff41\uff54\uff41.example.org/": 443,
    "https://data\u3002example\uff0eorg/": 443,
    "https://data\u2024example.org/": 443,
    "https://b\u00fccher.example.org/": 443,
    "https://B\u00dcCHER.example.org/": 443,
    "https://bu\u0308cher.example.org/": 443,
    "https://xn--bcher-kva.example.org/": 443,
    "https://XN--BCHER-KVA.example.org/": 443,
    "https://a.wild.example.org/": 443,
    "https://a.b.wild.example.org/": 443,
    "https://a_b.wild.example.org/": 443,
    "http://plain.wild.example.org/": 80,
    "http://plain.wild.example.org:8443/": 8443,
    "https://data.example.org/\u00e4?q=\u00fc#https://evil.org": 443,
    "https://data.example.org?@evil.org": 443,
    "https://data.example.org/@evil.org": 443,
    "https://data.example.org/%0d%0aHost:evil.org": 443,
    "https://data.example.org/http://127.0.0.1/": 443,
    "https://data.example.org//evil.org/..%2f../": 443,
    "https://data.example.org/#@127.0.0.1": 443,
    f"https://{PUBLIC}/": 443,
    f"https://{PUBLIC}./": 443,
    "https://data.example.org/" + "a" * 8167: 443,
}
