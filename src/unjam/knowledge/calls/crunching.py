"""Libraries that compute: what releases the GIL meanwhile, as far as it was measured or is documented."""

from __future__ import annotations

from functools import partial

from unjam.knowledge.records import Call, Gil, Weight, family

_free = partial(family, rule="UJ302", gil=Gil.RELEASES, weight=Weight.MILLISECONDS, remedy="native-thread")
"""A heartbeat in another thread went on while it ran."""
_held = partial(family, rule="UJ303", gil=Gil.KEEPS, weight=Weight.MILLISECONDS, remedy="smaller-data")
"""A heartbeat in another thread stood still while it ran."""
_python = partial(
    family,
    rule="UJ301",
    gil=Gil.KEEPS,
    weight=Weight.MILLISECONDS,
    remedy="process-pool",
    source="https://docs.python.org/3/glossary.html#term-global-interpreter-lock",
)
"""Python code in the main, which runs under the GIL."""
_open = partial(family, rule="UJ303", gil=Gil.UNKNOWN, weight=Weight.MILLISECONDS, remedy="process-pool")
"""Not known, or different from call to call: a process is right in either case."""

_ARGON = "https://argon2-cffi.readthedocs.io"
_PILLOW = "https://pillow.readthedocs.io/en/stable/handbook/concepts.html"
_NUMPY = "https://numpy.org/doc/stable/reference/thread_safety.html"
_PANDAS = "https://pandas.pydata.org/docs/user_guide/gotchas.html"

CALLS: tuple[Call, ...] = (
    *_free("bcrypt", "hashpw checkpw kdf", source="https://github.com/pyca/bcrypt/blob/main/src/_bcrypt/src/lib.rs"),
    *_free(
        "argon2.PasswordHasher", "hash verify", frames=("argon2._password_hasher:PasswordHasher.{name}",), source=_ARGON
    ),
    *_free("argon2.low_level", "hash_secret hash_secret_raw verify_secret", source=_ARGON),
    *family(
        "passlib.context.CryptContext",
        "hash verify verify_and_update encrypt",
        "UJ302",
        weight=Weight.MILLISECONDS,
        remedy="native-thread",
        source="https://passlib.readthedocs.io",
    ),
    *family(
        "passlib.utils.handlers.GenericHandler",
        "hash verify",
        "UJ302",
        weight=Weight.MILLISECONDS,
        remedy="native-thread",
        source="https://passlib.readthedocs.io",
    ),
    *family(
        "django.contrib.auth.hashers",
        "make_password check_password",
        "UJ302",
        weight=Weight.MILLISECONDS,
        remedy="native-thread",
        source="https://docs.djangoproject.com/en/stable/topics/auth/passwords/",
    ),
    *family(
        "werkzeug.security",
        "generate_password_hash check_password_hash",
        "UJ302",
        gil=Gil.RELEASES,
        weight=Weight.MILLISECONDS,
        remedy="native-thread",
        source="https://docs.python.org/3/library/hashlib.html#key-derivation",
    ),
    *_free(
        "nacl.pwhash",
        "argon2id.kdf argon2id.str verify str",
        source="https://pynacl.readthedocs.io/en/latest/password_hashing/",
    ),
    *_free(
        "cryptography.hazmat.primitives.kdf",
        "pbkdf2.PBKDF2HMAC.derive pbkdf2.PBKDF2HMAC.verify scrypt.Scrypt.derive scrypt.Scrypt.verify argon2.Argon2id.derive",
        source="https://github.com/pyca/cryptography/tree/main/src/rust/src/backend",
    ),
    *_free(
        "cryptography.hazmat.primitives.asymmetric",
        "rsa.generate_private_key dsa.generate_parameters dh.generate_parameters",
        source="https://github.com/pyca/cryptography/tree/main/src/rust/src/backend",
    ),
    *family(
        "cryptography.fernet.Fernet",
        "encrypt decrypt",
        "UJ303",
        weight=Weight.MICROSECONDS,
        remedy="process-pool",
        source="https://cryptography.io/en/latest/fernet/",
    ),
    *family(
        "jwt",
        "encode decode",
        "UJ302",
        weight=Weight.MICROSECONDS,
        remedy="native-thread",
        frames=("jwt.api_jwt:PyJWT.{name}",),
        source="https://pyjwt.readthedocs.io",
    ),
    *family(
        "jwt.PyJWKClient",
        "get_signing_key_from_jwt get_signing_key fetch_data",
        "UJ104",
        gil=Gil.RELEASES,
        remedy="to-thread",
        frames=("jwt.jwks_client:PyJWKClient.{name}",),
        source="https://pyjwt.readthedocs.io/en/stable/usage.html#retrieve-rsa-signing-keys-from-a-jwks-endpoint",
    ),
    *_held("orjson", "dumps loads", weight=Weight.MICROSECONDS, source="https://github.com/ijl/orjson"),
    *_held("ujson", "dumps dump loads load", source="https://github.com/ultrajson/ultrajson"),
    *_held(
        "msgspec.json",
        "encode decode Encoder.encode Decoder.decode",
        weight=Weight.MICROSECONDS,
        source="https://jcristharif.com/msgspec/",
    ),
    *_held(
        "msgpack",
        "packb unpackb pack unpack",
        weight=Weight.MICROSECONDS,
        source="https://github.com/msgpack/msgpack-python",
    ),
    *_held(
        "pydantic.BaseModel",
        "model_validate model_validate_json model_dump model_dump_json parse_obj parse_raw dict json",
        weight=Weight.MICROSECONDS,
        frames=("pydantic.main:BaseModel.{name}", "pydantic.main:BaseModel.__init__"),
        source="https://docs.pydantic.dev/latest/concepts/performance/",
    ),
    *_held(
        "pydantic.TypeAdapter",
        "validate_python validate_json dump_python dump_json",
        weight=Weight.MICROSECONDS,
        frames=("pydantic.type_adapter:TypeAdapter.{name}",),
        source="https://docs.pydantic.dev/latest/concepts/performance/",
    ),
    *_python(
        "fastapi.encoders",
        "jsonable_encoder",
        weight=Weight.MICROSECONDS,
        remedy="smaller-data",
        source="https://fastapi.tiangolo.com/tutorial/encoder/",
    ),
    *_python(
        "yaml",
        "load safe_load load_all safe_load_all full_load dump safe_dump dump_all safe_dump_all",
        remedy="read-once",
        source="https://pyyaml.org/wiki/PyYAMLDocumentation",
    ),
    *_python("ruamel.yaml.main.YAML", "load dump", remedy="read-once"),
    *_python("toml", "load loads dump dumps", remedy="read-once"),
    *_python(
        "bs4",
        "BeautifulSoup BeautifulSoup.prettify",
        frames=("bs4:BeautifulSoup.__init__", "bs4:BeautifulSoup._feed"),
        source="https://www.crummy.com/software/BeautifulSoup/bs4/doc/#improving-performance",
    ),
    *_python(
        "bs4.element.Tag",
        "find find_all select select_one prettify decode",
        weight=Weight.MICROSECONDS,
        source="https://www.crummy.com/software/BeautifulSoup/bs4/doc/",
    ),
    *_free(
        "lxml.etree",
        "parse fromstring XML HTML",
        source="https://lxml.de/FAQ.html#can-i-use-threads-to-concurrently-access-the-lxml-api",
    ),
    *_free(
        "lxml.html",
        "parse fromstring document_fromstring fragment_fromstring",
        source="https://lxml.de/FAQ.html#threading",
    ),
    *_open("lxml.etree", "tostring iterparse XPath XSLT", source="https://lxml.de/FAQ.html#threading"),
    *_python("html5lib", "parse parseFragment"),
    *_python(
        "markdown",
        "markdown Markdown.convert",
        frames=("markdown.core:{name}",),
        source="https://python-markdown.github.io/reference/",
    ),
    *_python(
        "jinja2",
        "Template.render Template.generate Environment.get_template Environment.from_string",
        weight=Weight.MICROSECONDS,
        remedy="smaller-data",
        frames=("jinja2.environment:{name}",),
        source="https://jinja.palletsprojects.com/en/stable/api/#async-support",
    ),
    *family(
        "jinja2.FileSystemLoader",
        "get_source",
        "UJ102",
        gil=Gil.RELEASES,
        weight=Weight.MICROSECONDS,
        remedy="read-once",
        frames=("jinja2.loaders:FileSystemLoader.get_source",),
        source="https://jinja.palletsprojects.com/en/stable/api/#loaders",
    ),
    *_python("django.template.base.Template", "render", weight=Weight.MICROSECONDS, remedy="smaller-data"),
    *_python("mako.template.Template", "render", weight=Weight.MICROSECONDS, remedy="smaller-data"),
    *_free(
        "tiktoken.Encoding",
        "encode encode_ordinary encode_batch decode",
        frames=("tiktoken.core:Encoding.{name}",),
        source="https://github.com/openai/tiktoken/blob/main/src/py.rs",
    ),
    *family(
        "tiktoken",
        "get_encoding encoding_for_model",
        "UJ104",
        remedy="read-once",
        frames=("tiktoken.registry:get_encoding", "tiktoken.model:encoding_for_model", "tiktoken.load:read_file"),
        source="https://github.com/openai/tiktoken/blob/main/tiktoken/load.py",
    ),
    *_open(
        "transformers",
        "PreTrainedTokenizerBase.__call__ Pipeline.__call__ GenerationMixin.generate AutoModel.from_pretrained AutoTokenizer.from_pretrained",
        frames=(
            "transformers.pipelines.base:Pipeline.__call__",
            "transformers.generation.utils:GenerationMixin.generate",
            "transformers.tokenization_utils_base:PreTrainedTokenizerBase.__call__",
            "transformers.modeling_utils:PreTrainedModel.from_pretrained",
        ),
    ),
    *_open(
        "sentence_transformers",
        "SentenceTransformer.encode SentenceTransformer",
        frames=("sentence_transformers.SentenceTransformer:SentenceTransformer.encode",),
    ),
    *_open(
        "spacy",
        "load Language.__call__ Language.pipe",
        frames=("spacy.language:Language.__call__", "spacy.language:Language.pipe"),
    ),
    *_python(
        "nltk",
        "word_tokenize sent_tokenize pos_tag",
        frames=("nltk.tokenize:{name}", "nltk.tag:{name}"),
        source="https://www.nltk.org",
    ),
    *_free(
        "PIL.Image.Image",
        "resize convert save load rotate thumbnail filter transform transpose crop quantize reduce tobytes",
        source=_PILLOW,
    ),
    *family(
        "PIL.Image", "open", "UJ102", gil=Gil.RELEASES, weight=Weight.MILLISECONDS, remedy="file-thread", source=_PILLOW
    ),
    *_free("PIL.ImageOps", "fit exif_transpose contain autocontrast", source=_PILLOW),
    *_free(
        "cv2",
        "imread imwrite imdecode imencode resize cvtColor GaussianBlur warpAffine Canny matchTemplate",
        source="https://docs.opencv.org/4.x/",
    ),
    *_free(
        "numpy",
        "dot matmul sort argsort unique partition random.rand random.normal",
        frames=(
            "numpy._core.fromnumeric:{name}",
            "numpy.core.fromnumeric:{name}",
            "numpy.lib._arraysetops_impl:{name}",
        ),
        source=_NUMPY,
    ),
    *_free(
        "numpy.linalg",
        "svd inv eig eigh solve lstsq qr pinv det norm",
        frames=("numpy.linalg._linalg:{name}", "numpy.linalg.linalg:{name}"),
        source=_NUMPY,
    ),
    *_free("numpy.fft", "fft ifft fft2 fftn rfft", frames=("numpy.fft._pocketfft:{name}",), source=_NUMPY),
    *_held(
        "numpy",
        "loadtxt genfromtxt fromstring savetxt",
        frames=("numpy.lib._npyio_impl:{name}", "numpy.lib.npyio:{name}"),
        source=_NUMPY,
    ),
    *family(
        "numpy",
        "load save savez savez_compressed",
        "UJ102",
        weight=Weight.MILLISECONDS,
        remedy="file-thread",
        frames=("numpy.lib._npyio_impl:{name}", "numpy.lib.npyio:{name}"),
        source=_NUMPY,
    ),
    *_free("pandas", "read_csv read_table", frames=("pandas.io.parsers.readers:{name}",), source=_PANDAS),
    *_open(
        "pandas",
        "read_json read_excel read_parquet read_pickle read_html read_xml concat merge",
        frames=(
            "pandas.io.json._json:{name}",
            "pandas.io.excel._base:{name}",
            "pandas.io.parquet:{name}",
            "pandas.io.pickle:{name}",
            "pandas.io.html:{name}",
            "pandas.io.xml:{name}",
            "pandas.core.reshape.concat:{name}",
            "pandas.core.reshape.merge:{name}",
        ),
        source=_PANDAS,
    ),
    *family(
        "pandas",
        "read_sql read_sql_query read_sql_table DataFrame.to_sql",
        "UJ106",
        remedy="database-thread",
        frames=("pandas.io.sql:{name}", "pandas.core.generic:NDFrame.to_sql"),
        source=_PANDAS,
    ),
    *_open(
        "pandas.DataFrame",
        "to_csv to_json to_excel to_parquet to_html to_string to_dict",
        frames=("pandas.core.generic:NDFrame.{name}", "pandas.core.frame:DataFrame.{name}"),
        source=_PANDAS,
    ),
    *_open(
        "pandas.DataFrame",
        "apply map aggregate groupby merge join sort_values pivot_table iterrows itertuples drop_duplicates resample",
        frames=(
            "pandas.core.frame:DataFrame.{name}",
            "pandas.core.generic:NDFrame.{name}",
            "pandas.core.series:Series.{name}",
            "pandas.core.groupby.generic:DataFrameGroupBy.{name}",
            "pandas.core.groupby.groupby:GroupBy.{name}",
        ),
        source=_PANDAS,
    ),
    *_free(
        "polars",
        "read_csv read_parquet read_json scan_csv DataFrame.write_csv LazyFrame.collect",
        twin="polars.LazyFrame.collect_async",
        source="https://docs.pola.rs",
    ),
    *_free(
        "pyarrow",
        "csv.read_csv parquet.read_table parquet.write_table compute.sort_indices",
        source="https://arrow.apache.org/docs/python/",
    ),
    *_open(
        "scipy.optimize",
        "minimize curve_fit least_squares differential_evolution linprog",
        frames=(
            "scipy.optimize._minimize:{name}",
            "scipy.optimize._minpack_py:{name}",
            "scipy.optimize._lsq.least_squares:{name}",
            "scipy.optimize._differentialevolution:{name}",
            "scipy.optimize._linprog:{name}",
        ),
    ),
    *_open(
        "scipy.linalg",
        "svd inv eig solve expm",
        frames=(
            "scipy.linalg._decomp_svd:{name}",
            "scipy.linalg._basic:{name}",
            "scipy.linalg._decomp:{name}",
            "scipy.linalg._matfuncs:{name}",
        ),
    ),
    *_open("sklearn.base", "_fit_context", frames=("sklearn.base:_fit_context.<locals>.decorator.<locals>.wrapper",)),
    *_open(
        "sklearn",
        "pipeline.Pipeline.fit pipeline.Pipeline.predict ensemble.RandomForestClassifier.predict "
        "ensemble.RandomForestRegressor.predict linear_model.LogisticRegression.predict",
        frames=(
            "sklearn.ensemble._forest:ForestClassifier.predict",
            "sklearn.ensemble._forest:ForestRegressor.predict",
            "sklearn.linear_model._base:LinearClassifierMixin.predict",
        ),
    ),
    *_free(
        "torch",
        "nn.Module.__call__ load save matmul cuda.synchronize Tensor.backward Tensor.cpu Tensor.item",
        frames=("torch.nn.modules.module:Module._wrapped_call_impl", "torch.serialization:{name}"),
        source="https://docs.pytorch.org/docs/stable/notes/multiprocessing.html",
    ),
    *_free(
        "onnxruntime",
        "InferenceSession.run",
        frames=("onnxruntime.capi.onnxruntime_inference_collection:Session.run",),
        source="https://onnxruntime.ai/docs/api/python/",
    ),
    *_open("tensorflow", "keras.Model.predict keras.Model.fit", frames=("keras.src.trainers.trainer:Trainer.predict",)),
    *_free(
        "faiss",
        "IndexFlatL2.search Index.search",
        source="https://github.com/facebookresearch/faiss/wiki/Threads-and-asynchronous-calls",
    ),
    *_open("whisper", "load_model transcribe"),
    *_python(
        "openpyxl",
        "load_workbook Workbook.save",
        frames=("openpyxl.reader.excel:load_workbook", "openpyxl.workbook.workbook:Workbook.save"),
        source="https://openpyxl.readthedocs.io/en/stable/performance.html",
    ),
    *_python(
        "xlsxwriter.workbook.Workbook", "close", source="https://xlsxwriter.readthedocs.io/working_with_memory.html"
    ),
    *_python("docx.document.Document", "save", source="https://python-docx.readthedocs.io"),
    *_python("docx", "Document"),
    *_python(
        "reportlab.platypus",
        "SimpleDocTemplate.build BaseDocTemplate.build",
        frames=("reportlab.platypus.doctemplate:{name}",),
        source="https://docs.reportlab.com",
    ),
    *_python("reportlab.pdfgen.canvas.Canvas", "save showPage", source="https://docs.reportlab.com"),
    *_python("weasyprint", "HTML.write_pdf HTML.render", source="https://doc.courtbouillon.org/weasyprint/stable/"),
    *_python("fpdf.fpdf.FPDF", "output"),
    *_python(
        "pypdf",
        "PdfReader PdfWriter.write",
        frames=("pypdf._reader:PdfReader.__init__", "pypdf._writer:PdfWriter.write"),
    ),
    *_open("fitz", "open Page.get_pixmap Page.get_text Document.save", frames=("pymupdf:{name}",)),
    *_python("matplotlib.figure.Figure", "savefig", source="https://matplotlib.org/stable/users/faq.html"),
    *_python("matplotlib.pyplot", "savefig show", source="https://matplotlib.org"),
    *_python("networkx", "pagerank shortest_path betweenness_centrality"),
    *_free(
        "zstandard",
        "ZstdCompressor.compress ZstdDecompressor.decompress",
        source="https://python-zstandard.readthedocs.io",
    ),
    *_free("brotli", "compress decompress", source="https://github.com/google/brotli"),
    *_free("lz4.frame", "compress decompress", source="https://python-lz4.readthedocs.io"),
    *family(
        "joblib",
        "load dump",
        "UJ102",
        weight=Weight.MILLISECONDS,
        remedy="file-thread",
        frames=("joblib.numpy_pickle:{name}",),
        source="https://joblib.readthedocs.io",
    ),
    *_open("rapidfuzz.process", "extract cdist extractOne", weight=Weight.MILLISECONDS),
    *_python("fuzzywuzzy.process", "extract extractOne"),
    *_free(
        "regex",
        "match search findall sub",
        source="https://pypi.org/project/regex/",
        weight=Weight.MICROSECONDS,
        remedy="better-regex",
        frames=("regex.regex:{name}", "regex._main:{name}"),
    ),
    *_python(
        "jsonschema",
        "validate Draft202012Validator.validate",
        weight=Weight.MICROSECONDS,
        frames=("jsonschema.validators:validate", "jsonschema.validators:create.<locals>.Validator.validate"),
    ),
    *_python("marshmallow.schema.Schema", "load dump loads dumps", weight=Weight.MICROSECONDS),
    *_python("qrcode", "make QRCode.make_image", frames=("qrcode.main:QRCode.make_image",)),
    *_python(
        "geopy.geocoders.base.Geocoder",
        "geocode",
        rule="UJ104",
        gil=Gil.UNKNOWN,
        remedy="async-client",
        twin="geopy.adapters.AioHTTPAdapter",
    ),
)
