using System;
using System.Collections.Generic;
using System.IO;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Sinter.Runtime.Checkpoints;

/// <summary>A safetensors file, mapped into memory. Its header is checked whole before any tensor is handed out.</summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private const int LongestRead = 64 << 20;

    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);
    private SafeFileHandle? _handle;
    private MemoryMappedFile? _mapping;
    private MemoryMappedViewAccessor? _view;
    private byte* _data;
    private byte* _start;
    private long _length;

    private SafetensorsFile(string path) => Path = path;

    public string Path { get; }

    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>The header's <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <summary>The first byte after the header.</summary>
    internal byte* Data => _data is not null ? _data : throw new ObjectDisposedException(Path);

    /// <exception cref="SinterException">The file is missing, unreadable, truncated or not well formed.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = new SafetensorsFile(path);
        try
        {
            file.Map();
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file.Dispose();
            throw new SinterException(File.Exists(path) ? $"{path}: the file cannot be read: {e.Message}" : $"{path}: there is no such file.", e);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <exception cref="SinterException">The file has no such tensor.</exception>
    public StoredTensor this[string name] => _tensors.TryGetValue(name, out StoredTensor? tensor)
        ? tensor
        : throw new SinterException($"{Path}: there is no tensor {Wording.Quote(name)}.");

    /// <summary>Unmaps the file: the tensors' data must not be touched any more.</summary>
    public void Dispose()
    {
        if (_data is not null) _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _data = null;
        _view?.Dispose();
        _mapping?.Dispose();
        _handle?.Dispose();
    }

    /// <summary>Reads a tensor's bytes to <paramref name="to"/>.</summary>
    /// <exception cref="SinterException">The file cannot be read any more.</exception>
    internal void Read(StoredTensor tensor, byte* to)
    {
        long from = tensor.Data - _start;
        for (long left = tensor.ByteCount; left > 0;)
        {
            int read;
            try
            {
                read = RandomAccess.Read(_handle!, new Span<byte>(to, (int)Math.Min(left, LongestRead)), from);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new SinterException($"{Path}: the file cannot be read: {e.Message}", e);
            }

            if (read == 0) throw new SinterException($"{Path}: the file has become shorter while it was read.");
            from += read;
            to += read;
            left -= read;
        }
    }

    /// <summary>Takes a tensor's pages, and what the system has mapped around them, out of this process's memory; they come back from the file if they are read again.</summary>
    internal void Forget(StoredTensor tensor)
    {
        // A fault maps neighbours too, up to a huge page: without them, a tensor read later would bring back the end of the one before.
        byte* first = (byte*)((nint)tensor.Data & -(nint)Pages.Huge), end = (byte*)(((nint)tensor.Data + (nint)tensor.ByteCount + (nint)Pages.Huge - 1) & -(nint)Pages.Huge);
        if (first < _start) first = _start;
        if (end > _start + _length) end = _start + _length;
        Pages.Forget(first, end - first);
    }

    private void Map()
    {
        _handle = File.OpenHandle(Path);
        long length = RandomAccess.GetLength(_handle);
        if (length == 0) throw new SinterException($"{Path}: the file is empty, so it is no safetensors file.");
        if (length < sizeof(ulong)) throw new SinterException($"{Path}: the file has only {length} bytes, but a safetensors file begins with 8 that give the length of its header.");
        _mapping = MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        start += _view.PointerOffset;
        _data = _start = start;
        _length = length;

        ulong claimed = *(ulong*)start;
        long left = length - sizeof(ulong);
        if (claimed > (ulong)left) throw new SinterException($"{Path}: the header claims {claimed} bytes, but only {left} follow: the file is truncated or no safetensors file.");
        if (claimed > SafetensorsHeader.LongestHeader) throw new SinterException($"{Path}: the header claims {claimed} bytes, more than the {SafetensorsHeader.LongestHeader} that the format allows.");
        _data = start + sizeof(ulong) + claimed;
        SafetensorsHeader header = SafetensorsHeader.Parse(Path, new ReadOnlySpan<byte>(start + sizeof(ulong), (int)claimed), left - (long)claimed);
        Metadata = header.Metadata;
        foreach (TensorEntry entry in header.Tensors) _tensors.Add(entry.Name, new StoredTensor(this, entry));
        // Only now: until here a few pages of the file are enough.
        Pages.AskForHuge(start, length);
    }
}
