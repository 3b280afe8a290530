using System;
using System.Collections.Generic;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Data;

/// <summary>A stretch of documents that belong together.</summary>
/// <param name="First">Its first document.</param>
public sealed record TokenDomain(string Name, int First, int Documents);

/// <summary>A source file as it was when its tokens were made.</summary>
public sealed record TokenSource(string Name, long Bytes, string Sha256);

/// <summary>The tokens of a corpus on disk, document after document, mapped into memory: rows are cut from anywhere.</summary>
public sealed unsafe class TokenStore : IDisposable
{
    internal const string TokenFile = "tokens.i32", DocumentFile = "documents.i64", ListFile = "data.json";

    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly int* _tokens;
    private readonly long[] _ends;

    private TokenStore(string folder, JsonObject list)
    {
        Tokenizer = (string)list["tokenizer"]!;
        Domains = [.. list["domains"]!.AsArray().Select(domain => new TokenDomain((string)domain!["name"]!, (int)domain["first"]!, (int)domain["documents"]!))];
        Sources = [.. list["sources"]!.AsArray().Select(source => new TokenSource((string)source!["name"]!, (long)source["bytes"]!, (string)source["sha256"]!))];
        byte[] ends = File.ReadAllBytes(Path.Combine(folder, DocumentFile));
        _ends = new long[ends.Length / sizeof(long)];
        Buffer.BlockCopy(ends, 0, _ends, 0, ends.Length);
        string path = Path.Combine(folder, TokenFile);
        if (new FileInfo(path).Length != Count * sizeof(int)) throw new InvalidDataException("the tokens are not as many as the list of documents says");
        _mapping = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _tokens = (int*)(start + _view.PointerOffset);
    }

    /// <summary>SHA-256 of the tokenizer.json that made the tokens.</summary>
    public string Tokenizer { get; }

    public IReadOnlyList<TokenDomain> Domains { get; }

    public IReadOnlyList<TokenSource> Sources { get; }

    public int Documents => _ends.Length;

    /// <summary>How many tokens there are, without any that begin or end a document.</summary>
    public long Count => _ends.Length == 0 ? 0 : _ends[^1];

    /// <summary>Opens a store; null where there is none or it is not whole.</summary>
    public static TokenStore? TryOpen(string folder)
    {
        try
        {
            using var file = File.OpenRead(Path.Combine(folder, ListFile));
            return new TokenStore(folder, JsonNode.Parse(file)!.AsObject());
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException or InvalidDataException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Where a document's tokens start.</summary>
    public long Start(int document) => document == 0 ? 0 : _ends[document - 1];

    public long Length(int document) => _ends[document] - Start(document);

    /// <summary>Tokens from a place on.</summary>
    public ReadOnlySpan<int> Tokens(long start, int count)
    {
        if (start < 0 || count < 0 || start + count > Count) throw new ArgumentOutOfRangeException(nameof(start));
        return new ReadOnlySpan<int>(_tokens + start, count);
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
    }
}
