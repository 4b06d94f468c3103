/* A hospital's appointments, stays and bills, as SQL Server Management Studio scripts a database.
   GO 2 in a comment is none. */
USE [master]
GO
CREATE DATABASE [Clinic] COLLATE SQL_Latin1_General_CP1_CI_AS
GO
ALTER DATABASE [Clinic] SET RECOVERY SIMPLE
GO
USE [Clinic]
GO
:setvar Environment "test"
CREATE SCHEMA [hr] AUTHORIZATION [dbo]
GO
CREATE SCHEMA [care]
GO
IF NOT EXISTS (SELECT * FROM sys.schemas WHERE name = N'billing')
EXEC sys.sp_executesql N'CREATE SCHEMA [billing]'
GO
/****** Object:  UserDefinedDataType [dbo].[Phone] ******/
CREATE TYPE [dbo].[Phone] FROM [nvarchar](25) NULL
GO
CREATE TYPE [dbo].[Flag] FROM [bit] NOT NULL
GO
CREATE TYPE [dbo].[IdList] AS TABLE ([Id] [int] NOT NULL PRIMARY KEY)
GO
CREATE SEQUENCE [billing].[InvoiceNumbers] AS [bigint] START WITH 100000 INCREMENT BY 1 CACHE 50
GO
CREATE SEQUENCE [care].[BedTags] AS [int] MINVALUE 1 MAXVALUE 9999 CYCLE NO CACHE
GO
CREATE SEQUENCE dbo.Plain
GO
CREATE PARTITION FUNCTION [pfYear] (date) AS RANGE RIGHT FOR VALUES (N'2023-01-01', N'2024-01-01', N'2025-01-01')
GO
CREATE PARTITION SCHEME [psYear] AS PARTITION [pfYear] ALL TO ([PRIMARY])
GO
CREATE PARTITION FUNCTION [pfWard] (int) AS RANGE LEFT FOR VALUES (10, 20)
CREATE PARTITION SCHEME [psWard] AS PARTITION [pfWard] ALL TO ([PRIMARY])
GO
/****** Object:  Table [hr].[Department] ******/
SET ANSI_NULLS ON
GO
SET QUOTED_IDENTIFIER ON
GO
CREATE TABLE [hr].[Department](
	[DepartmentID] [smallint] IDENTITY(1,1) NOT NULL,
	[Name] [nvarchar](50) NOT NULL,
	[GroupName] [nvarchar](50) NOT NULL,
	[Budget] [money] NULL,
	[ModifiedDate] [datetime] NOT NULL,
 CONSTRAINT [PK_Department_DepartmentID] PRIMARY KEY CLUSTERED 
(
	[DepartmentID] ASC
)WITH (PAD_INDEX = OFF, STATISTICS_NORECOMPUTE = OFF, IGNORE_DUP_KEY = OFF, ALLOW_ROW_LOCKS = ON, ALLOW_PAGE_LOCKS = ON, OPTIMIZE_FOR_SEQUENTIAL_KEY = OFF) ON [PRIMARY]
) ON [PRIMARY]
GO
CREATE TABLE [hr].[Employee](
	[EmployeeID] [int] IDENTITY(100,1) NOT FOR REPLICATION NOT NULL,
	[NationalID] [nvarchar](15) NOT NULL,
	[LoginID] [nvarchar](256) COLLATE Latin1_General_100_CS_AS NOT NULL,
	[FirstName] [nvarchar](50) NOT NULL,
	[LastName] [nvarchar](50) NOT NULL,
	[FullName]  AS (([FirstName]+N' ')+[LastName]) PERSISTED NOT NULL,
	[BirthDate] [date] NOT NULL,
	[HireDate] [date] NOT NULL,
	[Gender] [nchar](1) NOT NULL,
	[Salaried] [dbo].[Flag] NOT NULL,
	[Phone] [dbo].[Phone] NULL,
	[VacationHours] [smallint] NOT NULL,
	[ManagerID] [int] NULL,
	[DepartmentID] [smallint] NOT NULL,
	[Badge] [uniqueidentifier] ROWGUIDCOL  NOT NULL,
	[Photo] [varbinary](max) NULL,
	[OrgNode] [hierarchyid] NULL,
	[OrgLevel]  AS ([OrgNode].[GetLevel]()),
	[Version] [timestamp] NOT NULL,
 CONSTRAINT [PK_Employee] PRIMARY KEY CLUSTERED ([EmployeeID] ASC) WITH (FILLFACTOR = 90) ON [PRIMARY],
 CONSTRAINT [UQ_Employee_NationalID] UNIQUE NONCLUSTERED ([NationalID] ASC) ON [PRIMARY]
) ON [PRIMARY] TEXTIMAGE_ON [PRIMARY]
GO
CREATE TABLE [hr].[Shift](
	[ShiftID] [tinyint] IDENTITY(1,1) NOT NULL,
	[Name] [nvarchar](50) NOT NULL,
	[StartTime] [time](0) NOT NULL,
	[EndTime] [time](7) NOT NULL,
 CONSTRAINT [PK_Shift] PRIMARY KEY CLUSTERED ([ShiftID] ASC)
)
GO
CREATE TABLE [hr].[DepartmentHistory](
	[EmployeeID] [int] NOT NULL,
	[DepartmentID] [smallint] NOT NULL,
	[ShiftID] [tinyint] NOT NULL,
	[StartDate] [date] NOT NULL,
	[EndDate] [date] NULL,
 CONSTRAINT [PK_DepartmentHistory] PRIMARY KEY CLUSTERED ([EmployeeID] ASC, [StartDate] DESC, [DepartmentID] ASC, [ShiftID] ASC)
)
GO
CREATE TABLE [care].[Patient](
	[PatientID] [int] IDENTITY(1,1) NOT NULL,
	[Number]  AS (N'P'+[Code]) PERSISTED,
	[Code] [nvarchar](10) NOT NULL,
	[FirstName] [nvarchar](50) NOT NULL,
	[LastName] [nvarchar](50) NOT NULL,
	[BirthDate] [date] NOT NULL,
	[Email] [nvarchar](100) NULL,
	[BloodGroup] [char](3) NULL,
	[WeightKg] [decimal](5, 2) NULL,
	[HeightM] [float] NULL,
	[Insured] [bit] NOT NULL CONSTRAINT [DF_Patient_Insured] DEFAULT ((1)),
	[Notes] [nvarchar](max) NULL,
	[Allergies] [xml] NULL,
	[Registered] [datetime2](7) NOT NULL CONSTRAINT [DF_Patient_Registered] DEFAULT (sysutcdatetime()),
	[LastVisit] [datetimeoffset](3) NULL,
	[RowGuid] [uniqueidentifier] NOT NULL CONSTRAINT [DF_Patient_RowGuid] DEFAULT (newid()),
 CONSTRAINT [PK_Patient] PRIMARY KEY CLUSTERED ([PatientID] ASC)
)
GO
CREATE TABLE [care].[Ward](
	[WardID] [int] NOT NULL,
	[Name] [varchar](40) NOT NULL,
	[Floor] [smallint] NOT NULL,
	[Beds] [tinyint] NOT NULL,
	[Area] [real] NULL,
	[Plan] [image] NULL,
	[Remarks] [ntext] NULL,
	[Location] [geography] NULL,
 CONSTRAINT [PK_Ward] PRIMARY KEY CLUSTERED ([WardID] ASC)
) ON [PRIMARY] TEXTIMAGE_ON [PRIMARY]
GO
CREATE TABLE [care].[Bed](
	[WardID] [int] NOT NULL,
	[BedNo] [smallint] NOT NULL,
	[Tag] [int] NOT NULL CONSTRAINT [DF_Bed_Tag] DEFAULT (NEXT VALUE FOR [care].[BedTags]),
	[Monitored] [bit] NOT NULL CONSTRAINT [DF_Bed_Monitored] DEFAULT ((0)),
 CONSTRAINT [PK_Bed] PRIMARY KEY CLUSTERED ([WardID] ASC, [BedNo] ASC)
)
GO
CREATE TABLE [care].[Stay](
	[StayID] [bigint] IDENTITY(1,1) NOT NULL,
	[PatientID] [int] NOT NULL,
	[WardID] [int] NOT NULL,
	[BedNo] [smallint] NOT NULL,
	[Admitted] [smalldatetime] NOT NULL,
	[Discharged] [smalldatetime] NULL,
	[Nights]  AS (datediff(day,[Admitted],[Discharged])),
	[Reason] [nvarchar](200) NOT NULL,
 CONSTRAINT [PK_Stay] PRIMARY KEY CLUSTERED ([StayID] ASC)
)
GO
CREATE TABLE [care].[Appointment](
	[AppointmentID] [int] IDENTITY(1,1) NOT NULL,
	[PatientID] [int] NOT NULL,
	[EmployeeID] [int] NULL,
	[StartsAt] [datetime] NOT NULL,
	[Minutes] [smallint] NOT NULL CONSTRAINT [DF_Appointment_Minutes] DEFAULT ((30)),
	[Status] [varchar](12) NOT NULL CONSTRAINT [DF_Appointment_Status] DEFAULT ('booked'),
	[Cancelled] [bit] NOT NULL CONSTRAINT [DF_Appointment_Cancelled] DEFAULT ((0)),
	[CreatedBy] [sysname] NOT NULL CONSTRAINT [DF_Appointment_CreatedBy] DEFAULT (suser_sname()),
	[CreatedAt] [datetime] NOT NULL CONSTRAINT [DF_Appointment_CreatedAt] DEFAULT (getdate()),
 CONSTRAINT [PK_Appointment] PRIMARY KEY NONCLUSTERED ([AppointmentID] ASC)
)
GO
CREATE TABLE [care].[Drug](
	[DrugCode] [char](8) NOT NULL,
	[Name] [nvarchar](120) NOT NULL,
	[UnitPrice] [smallmoney] NOT NULL,
	[Stock] [int] NOT NULL CONSTRAINT [DF_Drug_Stock] DEFAULT ((0)),
	[Controlled] [bit] NOT NULL CONSTRAINT [DF_Drug_Controlled] DEFAULT ((0)),
	[Leaflet] [varbinary](max) NULL,
	[Checksum] [binary](16) NULL,
	[Anything] [sql_variant] NULL,
 CONSTRAINT [PK_Drug] PRIMARY KEY CLUSTERED ([DrugCode] ASC),
 CONSTRAINT [CK_Drug_UnitPrice] CHECK ([UnitPrice]>=(0.00)),
 CONSTRAINT [CK_Drug_Stock] CHECK ([Stock]>=(0))
)
GO
CREATE TABLE [care].[Prescription](
	[PrescriptionID] [int] IDENTITY(1,1) NOT NULL CONSTRAINT [PK_Prescription] PRIMARY KEY CLUSTERED,
	[StayID] [bigint] NULL REFERENCES [care].[Stay] ([StayID]) ON DELETE CASCADE,
	[DrugCode] [char](8) NOT NULL,
	[Dose] [numeric](8, 3) NOT NULL CHECK ([Dose]>(0)),
	[Unit] [varchar](10) NOT NULL DEFAULT ('mg'),
	[Prescribed] [date] NOT NULL DEFAULT (CONVERT([date],getdate())),
	INDEX [IX_Prescription_Drug] NONCLUSTERED ([DrugCode])
)
GO
CREATE TABLE [care].[Measurement](
	[StayID] [bigint] NOT NULL,
	[TakenAt] [datetime2](3) NOT NULL,
	[Kind] [varchar](20) NOT NULL,
	[Value] [float](53) NOT NULL,
	CONSTRAINT [PK_Measurement] PRIMARY KEY CLUSTERED ([StayID], [Kind], [TakenAt])
)
GO
CREATE TABLE [billing].[Insurer](
	[InsurerID] [int] NOT NULL PRIMARY KEY,
	[Name] [nvarchar](80) NOT NULL UNIQUE,
	[Discount] [decimal](4, 3) NOT NULL DEFAULT ((0)) CHECK ([Discount]>=(0) AND [Discount]<(1))
)
GO
CREATE TABLE [billing].[Invoice](
	[InvoiceNo] [bigint] NOT NULL CONSTRAINT [DF_Invoice_No] DEFAULT (NEXT VALUE FOR [billing].[InvoiceNumbers]),
	[PatientID] [int] NOT NULL,
	[InsurerID] [int] NULL,
	[Issued] [date] NOT NULL CONSTRAINT [DF_Invoice_Issued] DEFAULT (getdate()),
	[Due]  AS (dateadd(day,(30),[Issued])) PERSISTED,
	[Paid] [date] NULL,
	[Currency] [char](3) NOT NULL CONSTRAINT [DF_Invoice_Currency] DEFAULT ('EUR'),
 CONSTRAINT [PK_Invoice] PRIMARY KEY CLUSTERED ([InvoiceNo] ASC)
)
GO
CREATE TABLE [billing].[InvoiceLine](
	[InvoiceNo] [bigint] NOT NULL,
	[LineNo] [smallint] NOT NULL,
	[Text] [nvarchar](200) NOT NULL,
	[Quantity] [int] NOT NULL,
	[UnitPrice] [decimal](10, 2) NOT NULL,
	[Vat] [decimal](4, 2) NOT NULL CONSTRAINT [DF_InvoiceLine_Vat] DEFAULT ((0.19)),
	[Total]  AS ([Quantity]*[UnitPrice]) PERSISTED,
 CONSTRAINT [PK_InvoiceLine] PRIMARY KEY CLUSTERED ([InvoiceNo] ASC, [LineNo] ASC)
)
GO
CREATE TABLE [billing].[Payment](
	[PaymentID] [int] IDENTITY(1,1) NOT NULL,
	[PaidOn] [date] NOT NULL,
	[InvoiceNo] [bigint] NOT NULL,
	[Amount] [decimal](12, 2) NOT NULL,
 CONSTRAINT [PK_Payment] PRIMARY KEY CLUSTERED ([PaymentID] ASC, [PaidOn] ASC)
) ON [psYear]([PaidOn])
GO
CREATE TABLE [billing].[Reminder](
	[ReminderID] [int] IDENTITY(1,1) NOT NULL PRIMARY KEY,
	[InvoiceNo] [bigint] NOT NULL CONSTRAINT [FK_Reminder_Invoice] FOREIGN KEY REFERENCES [billing].[Invoice] ([InvoiceNo]),
	[SentAt] [smalldatetime] NOT NULL CONSTRAINT [DF_Reminder_SentAt] DEFAULT (getdate()),
	[Level] [tinyint] NOT NULL CONSTRAINT [DF_Reminder_Level] DEFAULT ((1)) CONSTRAINT [CK_Reminder_Level] CHECK ([Level]>=(1) AND [Level]<=(3)),
	[Fee]  AS ([Level]*(2.5)),
	CONSTRAINT [UQ_Reminder] UNIQUE ([InvoiceNo], [Level])
)
GO
CREATE TABLE [care].[WardLoad](
	[WardID] [int] NOT NULL,
	[Day] [date] NOT NULL,
	[Patients] [int] NOT NULL
) ON [psWard]([WardID])
GO
CREATE TABLE [dbo].[Setting](
	[Name] [varchar](60) NOT NULL,
	[Value] [nvarchar](400) NULL,
	[ValidFrom] [datetime2](7) GENERATED ALWAYS AS ROW START NOT NULL,
	[ValidTo] [datetime2](7) GENERATED ALWAYS AS ROW END NOT NULL,
	CONSTRAINT [PK_Setting] PRIMARY KEY CLUSTERED ([Name]),
	PERIOD FOR SYSTEM_TIME ([ValidFrom], [ValidTo])
) WITH (SYSTEM_VERSIONING = ON (HISTORY_TABLE = [dbo].[SettingHistory]))
GO
CREATE TABLE [dbo].[AuditLog](
	[AuditID] [bigint] IDENTITY(-9223372036854775808,1) NOT NULL,
	[At] [datetime] NOT NULL DEFAULT (getutcdate()),
	[Who] [nvarchar](128) NULL,
	[What] [nvarchar](max) MASKED WITH (FUNCTION = 'default()') NULL,
	[Secret] [varchar](50) SPARSE NULL
)
GO
CREATE TABLE #Scratch (n int)
GO
/* ---------------------------------------------------------------- defaults, checks, keys */
ALTER TABLE [hr].[Department] ADD  CONSTRAINT [DF_Department_ModifiedDate]  DEFAULT (getdate()) FOR [ModifiedDate]
GO
ALTER TABLE [hr].[Employee] ADD  CONSTRAINT [DF_Employee_VacationHours]  DEFAULT ((0)) FOR [VacationHours]
ALTER TABLE [hr].[Employee] ADD  CONSTRAINT [DF_Employee_Badge]  DEFAULT (newid()) FOR [Badge]
ALTER TABLE [hr].[Employee] ADD  CONSTRAINT [DF_Employee_Salaried]  DEFAULT ((1)) FOR [Salaried]
GO
ALTER TABLE [hr].[Employee]  WITH CHECK ADD  CONSTRAINT [CK_Employee_Gender] CHECK  ((upper([Gender])='F' OR upper([Gender])='M'))
GO
ALTER TABLE [hr].[Employee] CHECK CONSTRAINT [CK_Employee_Gender]
GO
ALTER TABLE [hr].[Employee]  WITH CHECK ADD  CONSTRAINT [CK_Employee_HireDate] CHECK  (([HireDate]>=[BirthDate] AND [HireDate]<=dateadd(day,(1),getdate())))
GO
ALTER TABLE [hr].[Employee]  WITH CHECK ADD  CONSTRAINT [CK_Employee_VacationHours] CHECK  (([VacationHours]>=(-40) AND [VacationHours]<=(240)))
GO
ALTER TABLE [hr].[Employee]  WITH CHECK ADD  CONSTRAINT [FK_Employee_Department] FOREIGN KEY([DepartmentID])
REFERENCES [hr].[Department] ([DepartmentID])
GO
ALTER TABLE [hr].[Employee] CHECK CONSTRAINT [FK_Employee_Department]
GO
ALTER TABLE [hr].[Employee]  WITH NOCHECK ADD  CONSTRAINT [FK_Employee_Manager] FOREIGN KEY([ManagerID])
REFERENCES [hr].[Employee] ([EmployeeID])
GO
ALTER TABLE [hr].[Employee] CHECK CONSTRAINT [FK_Employee_Manager]
GO
ALTER TABLE [hr].[DepartmentHistory]  WITH CHECK ADD  CONSTRAINT [FK_History_Employee] FOREIGN KEY([EmployeeID])
REFERENCES [hr].[Employee] ([EmployeeID])
ON UPDATE CASCADE
ON DELETE CASCADE
GO
ALTER TABLE [hr].[DepartmentHistory]  WITH CHECK ADD  CONSTRAINT [FK_History_Department] FOREIGN KEY([DepartmentID])
REFERENCES [hr].[Department] ([DepartmentID])
GO
ALTER TABLE [hr].[DepartmentHistory] ADD CONSTRAINT [FK_History_Shift] FOREIGN KEY([ShiftID]) REFERENCES [hr].[Shift] ([ShiftID]),
	CONSTRAINT [CK_History_EndDate] CHECK ([EndDate]>=[StartDate] OR [EndDate] IS NULL)
GO
ALTER TABLE [care].[Bed] WITH CHECK ADD CONSTRAINT [FK_Bed_Ward] FOREIGN KEY([WardID]) REFERENCES [care].[Ward] ([WardID])
GO
ALTER TABLE [care].[Stay] WITH CHECK ADD CONSTRAINT [FK_Stay_Patient] FOREIGN KEY([PatientID]) REFERENCES [care].[Patient] ([PatientID])
ALTER TABLE [care].[Stay] WITH CHECK ADD CONSTRAINT [FK_Stay_Bed] FOREIGN KEY([WardID], [BedNo]) REFERENCES [care].[Bed] ([WardID], [BedNo])
ALTER TABLE [care].[Stay] ADD CONSTRAINT [CK_Stay_Dates] CHECK ([Discharged] >= [Admitted])
GO
ALTER TABLE [care].[Appointment] WITH CHECK ADD CONSTRAINT [FK_Appointment_Patient] FOREIGN KEY([PatientID])
REFERENCES [care].[Patient] ([PatientID])
ON DELETE CASCADE
GO
ALTER TABLE [care].[Appointment] WITH CHECK ADD CONSTRAINT [FK_Appointment_Employee] FOREIGN KEY([EmployeeID])
REFERENCES [hr].[Employee] ([EmployeeID])
ON DELETE SET NULL
GO
ALTER TABLE [care].[Appointment] WITH CHECK ADD CONSTRAINT [CK_Appointment_Status] CHECK ([Status] IN ('booked', 'seen', 'missed'))
ALTER TABLE [care].[Appointment] ADD CONSTRAINT [CK_Appointment_Minutes] CHECK ([Minutes] BETWEEN 5 AND 480)
ALTER TABLE [care].[Appointment] WITH NOCHECK ADD CONSTRAINT [CK_Appointment_Night] CHECK (datepart(hour,[StartsAt])>=(7))
ALTER TABLE [care].[Appointment] NOCHECK CONSTRAINT [CK_Appointment_Night]
GO
ALTER TABLE [care].[Prescription] WITH CHECK ADD CONSTRAINT [FK_Prescription_Drug] FOREIGN KEY([DrugCode]) REFERENCES [care].[Drug] ([DrugCode])
ALTER TABLE [care].[Measurement] ADD CONSTRAINT [FK_Measurement_Stay] FOREIGN KEY([StayID]) REFERENCES [care].[Stay] ([StayID]) ON DELETE CASCADE
ALTER TABLE [billing].[Invoice] ADD CONSTRAINT [FK_Invoice_Patient] FOREIGN KEY([PatientID]) REFERENCES [care].[Patient] ([PatientID])
ALTER TABLE [billing].[Invoice] ADD CONSTRAINT [FK_Invoice_Insurer] FOREIGN KEY([InsurerID]) REFERENCES [billing].[Insurer] ([InsurerID]) ON UPDATE CASCADE
ALTER TABLE [billing].[InvoiceLine] ADD CONSTRAINT [FK_InvoiceLine_Invoice] FOREIGN KEY([InvoiceNo]) REFERENCES [billing].[Invoice] ([InvoiceNo]) ON DELETE CASCADE
ALTER TABLE [billing].[InvoiceLine] ADD CONSTRAINT [CK_InvoiceLine_Quantity] CHECK ([Quantity]<>(0))
ALTER TABLE [billing].[Payment] ADD CONSTRAINT [FK_Payment_Invoice] FOREIGN KEY([InvoiceNo]) REFERENCES [billing].[Invoice] ([InvoiceNo])
GO
/* ---------------------------------------------------------------- indexes */
CREATE UNIQUE NONCLUSTERED INDEX [AK_Employee_LoginID] ON [hr].[Employee]
(
	[LoginID] ASC
)WITH (PAD_INDEX = OFF, STATISTICS_NORECOMPUTE = OFF, SORT_IN_TEMPDB = OFF, IGNORE_DUP_KEY = OFF, DROP_EXISTING = OFF, ONLINE = OFF) ON [PRIMARY]
GO
CREATE NONCLUSTERED INDEX [IX_Employee_Name] ON [hr].[Employee] ([LastName] ASC, [FirstName] ASC) INCLUDE ([Phone], [DepartmentID])
GO
CREATE NONCLUSTERED INDEX [IX_Employee_Manager] ON [hr].[Employee] ([ManagerID]) WHERE ([ManagerID] IS NOT NULL) WITH (FILLFACTOR = 80)
GO
CREATE UNIQUE INDEX [UX_Patient_Email] ON [care].[Patient] ([Email]) WHERE [Email] IS NOT NULL
GO
CREATE UNIQUE INDEX [UX_Patient_Code] ON [care].[Patient] ([Code])
GO
CREATE INDEX [IX_Patient_Name] ON care.patient (lastname, FIRSTNAME)
GO
CREATE UNIQUE CLUSTERED INDEX [CX_WardLoad] ON [care].[WardLoad] ([WardID], [Day])
GO
CREATE INDEX [IX_Stay_Patient] ON [care].[Stay] ([PatientID] ASC, [Admitted] DESC)
CREATE INDEX [IX_Stay_Open] ON [care].[Stay] ([WardID]) WHERE [Discharged] IS NULL
GO
CREATE CLUSTERED INDEX [CX_Appointment_StartsAt] ON [care].[Appointment] ([StartsAt])
GO
CREATE INDEX [IX_Appointment_Patient] ON [care].[Appointment] ([PatientID]) WHERE ([Cancelled]=(0))
GO
CREATE UNIQUE INDEX [UX_Drug_Name] ON [care].[Drug] ([Name]) WITH (IGNORE_DUP_KEY = ON)
GO
CREATE NONCLUSTERED COLUMNSTORE INDEX [NCCI_Measurement] ON [care].[Measurement] ([Kind], [Value])
GO
CREATE PRIMARY XML INDEX [PXML_Patient_Allergies] ON [care].[Patient] ([Allergies])
GO
CREATE FULLTEXT INDEX ON [care].[Patient] ([Notes]) KEY INDEX [PK_Patient]
GO
/* ---------------------------------------------------------------- views and programs */
CREATE VIEW [hr].[vEmployee]
AS
SELECT e.[EmployeeID], e.[FirstName], e.[LastName], d.[Name] AS [Department]
  FROM [hr].[Employee] AS e
  JOIN [hr].[Department] AS d ON d.[DepartmentID] = e.[DepartmentID]
GO
CREATE VIEW [care].[vOpenStays] WITH SCHEMABINDING AS
SELECT s.StayID, s.PatientID, s.WardID, s.Admitted FROM care.Stay s WHERE s.Discharged IS NULL
GO
CREATE OR ALTER VIEW [billing].[vInvoiceTotals] ([InvoiceNo], [Net], [Lines]) AS
SELECT InvoiceNo, SUM(Quantity * UnitPrice), COUNT(*) FROM billing.InvoiceLine GROUP BY InvoiceNo
GO
CREATE VIEW care.vTopDrugs AS
SELECT TOP (10) DrugCode, COUNT_BIG(*) AS Prescribed, MAX(ISNULL(Unit, 'mg')) AS Unit
FROM care.Prescription GROUP BY DrugCode ORDER BY COUNT_BIG(*) DESC
GO
CREATE VIEW hr.vBirthdays AS
SELECT EmployeeID, DATEPART(month, BirthDate) AS BirthMonth, LEN(LastName) AS Letters, IIF(Salaried = 1, 'yes', 'no') AS Paid
  FROM hr.Employee
GO
CREATE FUNCTION [billing].[fnNet] (@price decimal(10, 2), @discount decimal(4, 3) = 0)
RETURNS decimal(12, 2)
WITH SCHEMABINDING
AS
BEGIN
	RETURN @price * (1 - @discount)
END
GO
CREATE FUNCTION [care].[fnStaysOf] (@patient int)
RETURNS TABLE
AS
RETURN (SELECT StayID, Admitted, Discharged FROM care.Stay WHERE PatientID = @patient)
GO
CREATE FUNCTION [hr].[fnReports] (@manager int)
RETURNS @found TABLE ([EmployeeID] int PRIMARY KEY, [Depth] int NOT NULL)
AS
BEGIN
	WITH chain AS (
		SELECT EmployeeID, 0 AS Depth FROM hr.Employee WHERE EmployeeID = @manager
		UNION ALL
		SELECT e.EmployeeID, c.Depth + 1 FROM hr.Employee e JOIN chain c ON e.ManagerID = c.EmployeeID
	)
	INSERT INTO @found SELECT EmployeeID, Depth FROM chain
	RETURN
END
GO
CREATE PROCEDURE [care].[uspAdmit]
	@PatientID int,
	@WardID int,
	@BedNo smallint = 1,
	@Reason nvarchar(200) = N'unknown',
	@StayID bigint OUTPUT
WITH EXECUTE AS CALLER
AS
BEGIN
	SET NOCOUNT ON;
	BEGIN TRY
		INSERT INTO care.Stay (PatientID, WardID, BedNo, Admitted, Reason)
		VALUES (@PatientID, @WardID, @BedNo, GETDATE(), @Reason);
		SET @StayID = SCOPE_IDENTITY();
	END TRY
	BEGIN CATCH
		EXEC dbo.uspLog N'admission failed';
		THROW;
	END CATCH
END
GO
CREATE OR ALTER PROC dbo.uspLog @what nvarchar(max) AS
INSERT INTO dbo.AuditLog (Who, What) VALUES (SUSER_SNAME(), @what)
GO
EXEC dbo.sp_executesql @statement = N'
CREATE PROCEDURE [billing].[uspPay] (@InvoiceNo bigint, @Amount decimal(12,2))
AS
	-- a dump made with "check for existence" has programs in strings
	INSERT INTO billing.Payment (PaidOn, InvoiceNo, Amount) VALUES (GETDATE(), @InvoiceNo, @Amount)
	UPDATE billing.Invoice SET Paid = GETDATE() WHERE InvoiceNo = @InvoiceNo AND Currency = ''EUR''
'
GO
CREATE TRIGGER [hr].[trgDepartmentModified] ON [hr].[Department]
AFTER UPDATE
AS
BEGIN
	SET NOCOUNT ON;
	UPDATE d SET ModifiedDate = GETDATE() FROM hr.Department d JOIN inserted i ON i.DepartmentID = d.DepartmentID
END
GO
CREATE TRIGGER [care].[trgNoDelete] ON [care].[Patient] INSTEAD OF DELETE NOT FOR REPLICATION AS
BEGIN
	RAISERROR (N'Patients are kept.', 16, 1)
	ROLLBACK TRANSACTION
END
GO
DISABLE TRIGGER [care].[trgNoDelete] ON [care].[Patient]
GO
CREATE TRIGGER [trgDdl] ON DATABASE FOR DROP_TABLE AS PRINT 'A table was dropped.'
GO
CREATE SYNONYM [dbo].[Employees] FOR [hr].[Employee]
GO
CREATE SYNONYM [dbo].[RemoteLab] FOR [LabServer].[Lab].[dbo].[Results]
GO
/* ---------------------------------------------------------------- comments */
EXEC sys.sp_addextendedproperty @name=N'MS_Description', @value=N'Who works here' , @level0type=N'SCHEMA',@level0name=N'hr', @level1type=N'TABLE',@level1name=N'Employee'
GO
EXEC sys.sp_addextendedproperty @name=N'MS_Description', @value=N'The patient''s own number, on paper too' , @level0type=N'SCHEMA',@level0name=N'care', @level1type=N'TABLE',@level1name=N'Patient', @level2type=N'COLUMN',@level2name=N'Code'
GO
EXEC sp_addextendedproperty N'MS_Description', N'Money comes in here', 'SCHEMA', N'billing', 'TABLE', N'Payment', NULL, NULL
GO
EXEC sys.sp_addextendedproperty @name=N'MS_Description', @value=N'Nobody has two', @level0type=N'SCHEMA', @level0name=N'care', @level1type=N'TABLE', @level1name=N'Patient', @level2type=N'INDEX', @level2name=N'UX_Patient_Code'
GO
EXEC sys.sp_addextendedproperty @name=N'Owner', @value=N'IT', @level0type=N'SCHEMA', @level0name=N'hr'
GO
GRANT SELECT ON SCHEMA::[hr] TO [Reporting]
GRANT EXECUTE ON [care].[uspAdmit] TO [Reception]
GO
SET IDENTITY_INSERT [hr].[Department] ON
INSERT [hr].[Department] ([DepartmentID], [Name], [GroupName], [ModifiedDate]) VALUES (1, N'Surgery; GO', N'Care', CAST(N'2024-01-31T00:00:00.000' AS DateTime))
INSERT [hr].[Department] ([DepartmentID], [Name], [GroupName], [ModifiedDate]) VALUES (2, N'Records', N'Office', CAST(N'2024-01-31T00:00:00.000' AS DateTime))
SET IDENTITY_INSERT [hr].[Department] OFF
GO
IF EXISTS (SELECT * FROM sys.objects WHERE name = N'Old')
	DROP TABLE [dbo].[Old]
GO
USE [master]
GO
